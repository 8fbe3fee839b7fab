"""Two replicas that are sent the same: what is different in their answers is told."""

import json
import re
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2

from lab import replica as replicas
from lab.fast_path.requests import Sent
from lab.mcp_wire import LEGACY, MODERN, events, request
from lab.replica import Replica
from lab.valkey import Valkey

# Of the answer's headers those that say something about the answer.
HEADERS = ("content-type", "allow", "www-authenticate", "cache-control", "mcp-session-id")


Answer = tuple[Any, ...]  # status, headers, body


@dataclass
class Decision:
    """A difference that is meant to be.

    Attributes:
        why: for whoever wonders.
        holds: whether the answers to a request, ours first, differ in this.
        seen: how often they did.
    """

    why: str
    holds: Callable[[Sent, Answer, Answer], bool]
    seen: int = 0


class Pair:
    """Two replicas, one of them `without` something: the fast path, or everything of ours.

    What differs and is no one's decision is told in the end. With `shared` each has a Valkey of its own, and requests of older clients are of a session.
    """

    def __init__(
        self,
        folder: Path,
        http: httpx2.AsyncClient,
        packages: Any,
        *,
        without: str = "fast-path",
        decided: Sequence[Decision] = (),
        shared: bool = False,
        **settings: Any,
    ) -> None:
        self.http = http
        self.sent = 0
        self.different: list[str] = []
        self.decided = decided
        self.has_log = without == "fast-path"
        self.valkeys = [Valkey(folder / f"valkey-{n}") for n in range(2 if shared else 0)]
        self.sessions: dict[tuple[str, str | None], str] = {}  # by replica and token
        settings |= {"MCP_CALL_TIMEOUT": 3, "MCP_ASK_TIMEOUT": 1}  # some samples take longer
        if shared:
            settings["MCP_REQUEST_STATE_KEYS"] = secrets.token_hex(32)
        one, other = [{"REDIS_URL": valkey.url} for valkey in self.valkeys] or [{}, {}]
        # However long an answer, or Redis, takes: the form of the answer is the same.
        timeless = ["quickness", "redis-timeout"]
        self.short = replicas.start(folder / "short", packages, without=timeless, **settings, **one)
        self.long = replicas.start(
            folder / "long", packages, without=[without, *timeless], **settings, **other
        )

    async def send(self, sent: Sent, token: str | None = None) -> dict[str, Any]:
        """Sends it to both; gives the first one's result, if there is one."""
        if token:
            sent = replace(sent, headers=[*sent.headers, ("authorization", token)])
        one = await self._answer(self.short, sent, token)
        other = await self._answer(self.long, sent, token)
        self.sent += 1
        if one != other and not self._is_decided(sent, one, other):
            shown = f"  short: {_shown(one)}\n  long:  {_shown(other)}"
            self.different.append(f"{token or ''} {sent.what}\n{shown}")
        body = one[2]
        return body.get("result", {}) if isinstance(body, dict) else {}

    def _is_decided(self, sent: Sent, one: Answer, other: Answer) -> bool:
        for decision in self.decided:
            if decision.holds(sent, one, other):
                decision.seen += 1
                return True
        return False

    async def _session(self, to: Replica, token: str | None) -> list[tuple[str, str]]:
        """Names the session that the caller has there; one whom the server refuses has none."""
        key = to.base, token
        if key not in self.sessions:
            hello = {"protocolVersion": LEGACY, "capabilities": {}}
            client = {"name": "test", "version": "1"}
            made = request("initialize", "legacy", **hello, clientInfo=client)
            made["headers"] |= {"Authorization": token} if token else {}
            response = await self.http.post(to.url, **made)
            self.sessions[key] = response.headers.get("mcp-session-id", "0" * 32)
        return [("mcp-session-id", self.sessions[key])]

    async def _answer(self, to: Replica, sent: Sent, token: str | None) -> Answer:
        extra = []
        if self.valkeys and sent.method == "POST" and MODERN not in dict(sent.headers).values():
            extra = await self._session(to, token)
        headers = [(name.encode(), value.encode()) for name, value in [*sent.headers, *extra]]
        content = _parts(sent.body) if sent.chunked else sent.body
        url = f"{to.base}{sent.path}"
        response = await self.http.request(sent.method, url, headers=headers, content=content)
        if to is self.short:
            assert response.headers["x-served-by"], sent.what
            assert response.headers["x-request-id"], sent.what
        shown = {n: stable(response.headers[n]) for n in HEADERS if n in response.headers}
        if shown.get("content-type") == "text/event-stream":
            return response.status_code, shown, stable(list(events(response.text)))
        try:
            return response.status_code, shown, stable(response.json())
        except ValueError:
            return response.status_code, shown, response.content

    def judge(self) -> None:
        """Fails with what was different."""
        found = "\n".join(self.different[:30])
        assert not self.different, f"{len(self.different)} of {self.sent} differ:\n{found}"
        if not self.has_log:
            return
        deadline = time.monotonic() + 20  # a request is logged once it has been answered
        while requests(self.short.log) != requests(self.long.log) and time.monotonic() < deadline:
            time.sleep(0.1)
        short, long = Counter(requests(self.short.log)), Counter(requests(self.long.log))
        assert short == long, f"logged differently: {short - long} and {long - short}"

    def end(self) -> None:
        for one in (self.short, self.long, *self.valkeys):
            one.end()


async def _parts(body: bytes) -> AsyncIterator[bytes]:
    yield body[:10]
    yield body[10:]


def stable(value: Any) -> Any:
    """What is different each time is replaced by its kind."""
    if isinstance(value, dict):
        return {name: stable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [stable(inner) for inner in value]
    if isinstance(value, float) and value != value:
        return "NaN"
    if isinstance(value, str):
        value = re.sub(r"v1\.[\w-]{40,}", "v1.sealed", value)
        return re.sub(
            r"0x[0-9a-f]{6,}|\b[0-9a-f]{16}-\d+\b|127\.0\.0\.1:\d+|\b[0-9a-f]{32}\b", "…", value
        )
    return value


def _shown(answer: tuple[Any, ...]) -> str:
    status, headers, body = answer
    return f"{status} {headers} {json.dumps(body, default=repr)[:600]}"


def requests(log: str) -> list[str]:
    """The request log without times and ids, sorted: a stream is logged when it ends."""
    lines = [line for line in log.splitlines() if re.search(r"\] \d+ [A-Z]+ /mcp.* ms$", line)]
    return sorted(re.sub(r" [\d.]+ ms$", "", line.partition("] ")[2]) for line in lines)
