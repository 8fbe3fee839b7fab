"""A client of 2025-11-25 by hand: every request goes to the next replica, unless it is told where."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx2

from lab import mcp_wire
from lab import replica as replicas
from lab.replica import Replica
from lab.valkey import Valkey

CAPABILITIES = {"elicitation": {"form": {}}, "sampling": {}, "roots": {}}
PACKAGES = ("lab.sample.tools", "lab.sample.resources", "lab.sample.sessions")
SETTINGS = {"MCP_STATELESS_HTTP": "false", "MCP_JSON_RESPONSE": "false", "packages": PACKAGES}


@contextmanager
def serving(folder: Path, count: int = 2, **settings: Any) -> Iterator[list[Replica]]:
    """Replicas that share sessions, for tests that leave them as they were.

    They wait for Redis however long it takes, as it may on a busy machine.
    """
    server = Valkey(folder / "valkey")
    shared = {"REDIS_URL": server.url, "MCP_REQUEST_STATE_KEYS": secrets.token_hex(32)}
    started: list[Replica] = []
    try:
        for number in range(count):
            options = {**SETTINGS, **shared, "without": ["redis-timeout"], **settings}
            started.append(replicas.start(folder / f"replica-{number}", **options))
        for made in started:
            made.wait_until_ready()
        yield started
    finally:
        for made in started:
            made.end()
        server.end()


@dataclass(frozen=True)
class Event:
    """One event of a stream: its id, and its message (None of a priming event)."""

    id: str | None
    message: dict[str, Any] | None


async def events(response: httpx2.Response) -> AsyncIterator[Event]:
    """The events of an open stream, comments left out."""
    event_id = data = None
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            event_id = line[4:]
        elif line.startswith("data:"):
            data = line[5:].strip()
        elif not line and data is not None:
            yield Event(event_id, mcp_wire.json.loads(data) if data else None)
            event_id = data = None


@dataclass
class Session:
    """A session, and the replicas that serve it in turn."""

    http: httpx2.AsyncClient
    replicas: Sequence[Replica]
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._turn = cycle(self.replicas)

    @property
    def id(self) -> str:
        return self.headers["Mcp-Session-Id"]

    async def open(self, version: str = mcp_wire.LEGACY, at: Replica | None = None) -> "Session":
        """Shakes hands: `initialize` at one replica, `initialized` at the next."""
        params = {
            "protocolVersion": version,
            "capabilities": CAPABILITIES,
            "clientInfo": {"name": "by-hand", "version": "1"},
        }
        opened = await self.post(mcp_wire.request("initialize", "legacy", **params), at)
        assert opened.status_code == 200, opened.text
        self.headers["Mcp-Session-Id"] = opened.headers["mcp-session-id"]
        self.headers["MCP-Protocol-Version"] = version
        assert (await self.note("notifications/initialized")).status_code == 202
        return self

    async def post(self, made: dict[str, Any], at: Replica | None = None) -> httpx2.Response:
        """One message; `made` as `speak.request` makes it."""
        headers = {**made["headers"], **self.headers}
        target = at or next(self._turn)
        return await self.http.post(target.url, headers=headers, json=made["json"])

    async def call(
        self, tool: str, at: Replica | None = None, number: Any = 1, **arguments: Any
    ) -> httpx2.Response:
        return await self.post(self.made(tool, number, **arguments), at)

    async def ask(self, method: str, at: Replica | None = None, **params: Any) -> httpx2.Response:
        return await self.post(mcp_wire.request(method, "legacy", **params), at)

    async def note(self, method: str, at: Replica | None = None, **params: Any) -> httpx2.Response:
        made = mcp_wire.request(method, "legacy", **params)
        del made["json"]["id"]
        return await self.post(made, at)

    async def answer(
        self, request: dict[str, Any], result: dict[str, Any], at: Replica | None = None
    ) -> httpx2.Response:
        """The client's answer to a request of the server."""
        made = mcp_wire.request("-", "legacy")
        made["json"] = {"jsonrpc": "2.0", "id": request["id"], "result": result}
        return await self.post(made, at)

    def made(self, tool: str, number: Any = 1, **arguments: Any) -> dict[str, Any]:
        """A call that wants progress."""
        made = mcp_wire.call(tool, "legacy", **arguments)
        made["json"]["id"] = number
        made["json"]["params"]["_meta"] = {"progressToken": f"of {number}"}
        return made

    @asynccontextmanager
    async def streamed(
        self, tool: str, at: Replica | None = None, number: Any = 1, **arguments: Any
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """A call whose events are read while it runs."""
        made = self.made(tool, number, **arguments)
        headers = {**made["headers"], **self.headers}
        url = (at or next(self._turn)).url
        async with self.http.stream("POST", url, headers=headers, json=made["json"]) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            yield events(response)

    @asynccontextmanager
    async def listen(
        self, at: Replica | None = None, after: str | None = None
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """The GET stream; `after` an event, it is resumed."""
        async with self.get(at, after) as response:
            assert response.status_code == 200, await response.aread()
            yield events(response)

    @asynccontextmanager
    async def get(
        self, at: Replica | None = None, after: str | None = None, request_id: str | None = None
    ) -> AsyncIterator[httpx2.Response]:
        headers = {"Accept": "text/event-stream", **self.headers}
        if request_id:
            headers["X-Request-Id"] = request_id
        if after:
            headers["Last-Event-ID"] = after
        url = (at or next(self._turn)).url
        async with self.http.stream("GET", url, headers=headers) as response:
            yield response

    @asynccontextmanager
    async def noticed(self, at: Replica) -> AsyncIterator[AsyncIterator[Event]]:
        """The same; once this is over, the server has noticed that the client closed it.

        Who is back before that finds a stream that was cut, which ends once more.
        """
        name = secrets.token_hex(8)
        async with self.get(at, request_id=name) as response:
            assert response.status_code == 200, await response.aread()
            yield events(response)
        await at.logged(rf"\[{name}\] 200 GET /mcp ")

    async def delete(self, at: Replica | None = None) -> httpx2.Response:
        return await self.http.delete((at or next(self._turn)).url, headers=self.headers)


async def soon(stream: AsyncIterator[Event], seconds: float = 25) -> Event:
    """The next event that has a message."""
    async with asyncio.timeout(seconds):
        async for event in stream:
            if event.message is not None:
                return event
    raise AssertionError("the stream has ended")


def uri(event: Event) -> str:
    """The resource that a message tells of."""
    found: str = (event.message or {})["params"]["uri"]
    return found


async def past_pings(
    session: Session, stream: AsyncIterator[Event], at: Replica | None = None
) -> dict[str, Any]:
    """What the client is asked on its GET stream, once a ping has shown that it hears.

    One that is answered late is given up, and another is sent.
    """
    first = asked = (await soon(stream)).message or {}
    assert first["method"] == "ping"
    while asked["method"] in {"ping", "notifications/cancelled"}:
        if asked["method"] == "ping":
            await session.answer(asked, {}, at)
        asked = (await soon(stream)).message or {}
    return asked


async def rest(stream: AsyncIterator[Event], seconds: float = 45) -> list[Event]:
    """All further events until the stream ends."""
    async with asyncio.timeout(seconds):
        return [event async for event in stream]


def progress(events: Sequence[Event]) -> list[float]:
    """The steps that were reported."""
    found = [event.message for event in events if event.message]
    return [m["params"]["progress"] for m in found if m.get("method") == "notifications/progress"]


def final(events: Sequence[Event]) -> dict[str, Any]:
    """The answer: exactly one, and nothing after it."""
    found = [
        e.message for e in events if e.message and "id" in e.message and "method" not in e.message
    ]
    assert len(found) == 1, events
    assert events[-1].message is found[0]
    return found[0]


async def until(holds: Callable[[], bool], seconds: int = 30) -> bool:
    """Whether it holds, waited for: what replicas do beside their answers."""
    for _ in range(seconds * 20):
        if holds():
            return True
        await asyncio.sleep(0.05)
    return holds()
