"""Redis hangs or dies, and comes back: what goes on, what is refused, and that nobody restarts.

Each is seen twice: paused (SIGSTOP: connections stay, nothing answers) and killed.
"""

import asyncio
import socket
from contextlib import asynccontextmanager

import httpx2
import pytest

from lab.mcp_wire import ERAS, answer, call, request, stream, text, with_headers

AWAY = -31002
TOKEN = {"Authorization": "Bearer token-a"}
SECONDS = 30  # within which a refusal counts as one at once; a hang would be for ever


@pytest.fixture(params=["paused", "killed"])
def outage(request, valkey):
    """Takes the test's Valkey away, and brings it back."""

    class Outage:
        begin = valkey.pause if request.param == "paused" else valkey.kill
        end = valkey.resume if request.param == "paused" else valkey.start

    return Outage


async def post(http, made, asked):
    response = await http.post(made.url, **with_headers(asked, **TOKEN), timeout=SECONDS)
    return answer(response)


async def until(attempt, right):
    """Tries until the answer is right: recovery takes a moment, but no restart."""
    for _ in range(SECONDS * 10):
        if right(found := await attempt()):
            break
        await asyncio.sleep(0.1)
    return found


def is_unavailable(body):
    """Whether the answer is the error that invites to try again."""
    error = body.get("error", {})
    return error.get("code") == AWAY and error["data"] == {"retryable": True}


@pytest.mark.parametrize("era", ERAS)
async def test_stateless_calls_go_on(service, http, outage, era):
    """With callers too, whose own rules FastMCP would look up in each call."""
    made = service(AUTH_ENABLED="true", AUTH_TOKEN="token-a")
    assert "result" in await post(http, made, call("echo", era, text="before"))
    outage.begin()
    for _ in range(3):
        body = await post(http, made, call("echo", era, text="x"))
        assert body["result"]["content"][0]["text"] == "x"
    listed = await post(http, made, request("tools/list", era))
    assert len(listed["result"]["tools"]) > 5
    outage.end()


async def test_with_fastmcps_own_store_they_fail(service, http, valkey):
    """The control: it asks Redis in each call of a known caller, and fails without an answer."""
    made = service(
        AUTH_ENABLED="true",
        AUTH_TOKEN="token-a",
        REDIS_URL=valkey.admin_url,
        without=["state-merging"],
    )
    valkey.kill()
    body = await post(http, made, call("echo", text="x"))
    assert "error" in body or body["result"]["isError"]


async def test_a_confirmation_is_refused_and_counts_later(service, http, outage, tmp_path):
    """Nothing runs unprotected; the same state is good once Redis is back, and once only."""
    made = service(AUTH_ENABLED="true", AUTH_TOKEN="token-a")
    done = tmp_path / "done"
    asked = call("transfer", to=str(done))
    state = (await post(http, made, asked))["result"]["requestState"]
    agreed = {"sure": {"action": "accept", "content": {"ok": True}}}
    asked["json"]["params"] |= {"requestState": state, "inputResponses": agreed}
    outage.begin()
    for _ in range(2):
        body = await post(http, made, asked)
        assert is_unavailable(body), body
        assert "Try again" in body["error"]["message"]
    assert not done.exists()
    outage.end()
    body = await until(lambda: post(http, made, asked), lambda found: not is_unavailable(found))
    assert body["result"]["content"][0]["text"] == "done"
    again = await post(http, made, asked)
    assert again["error"]["data"]["reason"] == "request_state_already_used"
    assert done.read_text() == "done\n"


async def test_without_single_use_a_confirmation_runs_unprotected(service, http, valkey, tmp_path):
    """The control: what refuses is the protection, not the outage."""
    made = service(AUTH_ENABLED="true", AUTH_TOKEN="token-a", without=["single-use"])
    done = tmp_path / "done"
    asked = call("transfer", to=str(done))
    state = (await post(http, made, asked))["result"]["requestState"]
    agreed = {"sure": {"action": "accept", "content": {"ok": True}}}
    asked["json"]["params"] |= {"requestState": state, "inputResponses": agreed}
    valkey.kill()
    for _ in range(2):
        assert "result" in await post(http, made, asked)
    assert done.read_text() == "done\ndone\n"


async def test_state_is_refused_and_is_there_again(service, http, outage):
    """What was kept before is there after, and nothing of the refused call is."""
    made = service(AUTH_ENABLED="true", AUTH_TOKEN="token-a")
    await post(http, made, call("keep", key="x", value="before"))
    outage.begin()
    for tool, arguments in (("kept", {"keys": ["x"]}), ("visit", {})):
        body = await post(http, made, call(tool, **arguments))
        assert is_unavailable(body), body
    outage.end()
    body = await until(
        lambda: post(http, made, call("kept", keys=["x", "visits"])),
        lambda b: not is_unavailable(b),
    )
    assert body["result"]["structuredContent"] == {"x": "before", "visits": None}


@asynccontextmanager
async def listening(http, made):
    """What a listen stream has told so far: a list that grows."""
    wanted = {"toolsListChanged": True, "resourceSubscriptions": ["sample://greeting"]}
    asked = request("subscriptions/listen", notifications=wanted)
    async with http.stream("POST", made.url, **asked) as response:
        messages, heard = stream(response), []
        assert (await anext(messages))["method"] == "notifications/subscriptions/acknowledged"

        async def collect():
            async for message in messages:
                heard.append(message["method"].removeprefix("notifications/"))

        collecting = asyncio.create_task(collect())
        yield heard
        collecting.cancel()
        await asyncio.wait({collecting})


async def more(heard, after, number):
    """The next so many events after the first `after`, once they are there."""
    for _ in range(SECONDS * 10):
        if len(heard) >= after + number:
            break
        await asyncio.sleep(0.1)
    return heard[after : after + number]


async def until_more(heard, number):
    """Whether the resource is told to have changed more often than so many times, soon."""
    for _ in range(SECONDS * 10):
        if heard.count("resources/updated") > number:
            return True
        await asyncio.sleep(0.1)
    return False


async def test_listen_streams_go_on_and_are_told_to_refetch(service, http, outage):
    """Open ones stay, new ones are acknowledged, and what is missed is told as one signal."""
    here, there = service(), service()

    async def touch():
        return text(await http.post(there.url, **call("touch", uri="sample://greeting")))

    async with listening(http, here) as old:
        outage.begin()
        for made in (here, there):
            await asyncio.to_thread(made.wait_for_log, "other replicas are not received", SECONDS)
        async with listening(http, here) as new:
            assert await touch() == "told"
            await asyncio.sleep(1)
            assert old == new == []
            outage.end()
            for heard in (old, new):
                assert await more(heard, 0, 2) == ["tools/list_changed", "resources/updated"]
            # Of two replicas that came back each may tell it, and late: more often than that.
            for _ in range(3):
                before = [heard.count("resources/updated") for heard in (old, new)]
                await touch()
                for heard, number in zip((old, new), before, strict=True):
                    assert await until_more(heard, number)


async def test_a_replica_starts_while_redis_is_away(service, http, outage):
    """It serves what needs no Redis, and everything once Redis is there."""
    outage.begin()
    made = service(AUTH_ENABLED="true", AUTH_TOKEN="token-a")
    assert "result" in await post(http, made, call("echo", text="x"))
    outage.end()
    body = await until(
        lambda: post(http, made, call("visit")), lambda found: not is_unavailable(found)
    )
    assert body["result"]["structuredContent"] == {"result": 1}


@pytest.mark.parametrize("how", ["refuses", "hangs"])
@pytest.mark.parametrize("stateless", ["true", "false"])
async def test_a_first_start_without_redis_says_so(replica, http, key, how, stateless):
    """The log names the host and what to do, never the password; `/readyz` names Redis."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        if how == "hangs":
            nobody.listen()
        where = f"127.0.0.1:{nobody.getsockname()[1]}"
        made = replica(
            ready=False,
            REDIS_URL=f"redis://mcp:secret-canary@{where}/0",
            MCP_REQUEST_STATE_KEYS=key,
            MCP_STATELESS_HTTP=stateless,
        )
        said = await made.logged(rf"Redis at {where} \(REDIS_URL\) is not available: (.*)")
        port = (await made.logged(r"listening on http://127.0.0.1:(\d+)/"))[1]

        async def ready():
            try:
                return (await http.get(f"http://127.0.0.1:{port}/readyz")).json()
            except httpx2.TransportError:
                return {}

        expected = "ready" if stateless == "true" else "waiting"
        body = await until(ready, lambda found: found.get("status") == expected)
    assert "Next: start Redis there" in said[1]
    assert (body["status"], body["unavailable"]) == (expected, ["redis"])
    assert "secret-canary" not in made.log
    assert "Traceback" not in made.log


async def test_a_replica_that_reaches_redis_names_nothing(service, http):
    """The control, and the end of an outage."""
    made = service()
    assert (await http.get(f"{made.base}/readyz")).json() == {"status": "ready"}
