"""Clients that listen: subscriptions/listen."""

import hashlib
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from lab.mcp_wire import answer, call, request, stream, with_headers


def callers(folder, **more):
    """A file of callers: `a` may see plans, `b` may not."""
    lines = []
    for name, scopes in (("a", "[plans]"), ("b", "[]")):
        digest = hashlib.sha256(f"token-{name}".encode()).hexdigest()
        lines += [f"- sha256: {digest}", f"  client: {name}", f"  scopes: {scopes}"]
        lines += [f"  {key}: {value}" for key, value in more.items()]
    (folder / "callers.yml").write_text("\n".join(lines))
    return {"AUTH_ENABLED": "true", "AUTH_TOKENS_FILE": folder / "callers.yml"}


async def in_time(stack, opened_until):
    """What `opened_until` opens with a token that ends soon, and when that is.

    Where it takes long to begin, the token may have ended by then: the next one lasts longer.
    """
    for seconds in (5, 15, 45):
        end = (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)
        try:
            return end, await stack.enter_async_context(opened_until(end))
        except (AssertionError, RuntimeError):  # no stream, or nothing in it: refused
            if datetime.now(UTC) < end:
                raise
    raise AssertionError("nothing was opened before its token had ended")


def listen(*uris, who=None, **lists):
    asked = request("subscriptions/listen", notifications={"resourceSubscriptions": uris, **lists})
    return with_headers(asked, Authorization=f"Bearer token-{who}") if who else asked


@asynccontextmanager
async def opened(http, made, asked):
    """What was acknowledged, and the messages after."""
    async with http.stream("POST", made.url, **asked) as response:
        messages = stream(response)
        first = await anext(messages)
        assert first["method"] == "notifications/subscriptions/acknowledged", first
        yield first["params"]["notifications"], messages


async def refusal(http, made, asked):
    async with http.stream("POST", made.url, **asked) as response:
        await response.aread()
        return answer(response)["error"]


async def touch(http, made, uri):
    asked = with_headers(call("touch", uri=uri), Authorization="Bearer token-a")
    assert answer(await http.post(made.url, **asked))["result"]
