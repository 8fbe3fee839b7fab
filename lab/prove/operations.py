"""The operations whose cost in Redis is told, each done so many times over all replicas in turn."""

import asyncio
import itertools
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from lab import mcp_wire
from lab.legacy import Session
from lab.prove.watch import Work
from lab.replica import Replica

URI = "sample://greeting"
AT_ONCE = 8


class Operations(ABC):
    """Operations on one kind of service."""

    def __init__(self, http: httpx2.AsyncClient, replicas: Sequence[Replica], folder: Path) -> None:
        self.http = http
        self.folder = folder
        self.replicas = replicas
        self.turn = itertools.cycle(replicas)

    @abstractmethod
    def all(self) -> dict[str, Work]:
        """By name, in an order in which they can be done."""

    async def each(self, count: int, one: Callable[[int], Awaitable[None]]) -> None:
        """`one` of each number, some at a time: Redis then takes commands together, as in use."""
        numbers = iter(range(count))

        async def some() -> None:
            for number in numbers:
                await one(number)

        await asyncio.gather(*(some() for _ in range(AT_ONCE)))

    def many(self, one: Callable[[int], Awaitable[None]]) -> Work:
        """As ``each``, of a number that is told later."""
        return lambda count: self.each(count, one)

    async def post(self, made: dict[str, Any]) -> dict[str, Any]:
        """The answer of the next replica.

        Raises:
            RuntimeError: it is an error.
        """
        response = await self.http.post(next(self.turn).url, **made)
        found = mcp_wire.answer(response)
        if "error" in found or found["result"].get("isError"):
            raise RuntimeError(response.text)
        return found


class Stateless(Operations):
    """Without sessions; rounds and events of 2026-07-28."""

    def all(self) -> dict[str, Work]:
        return {
            "stateless call": self.many(self.call),
            "input round": self.many(self.round),
            "event published": self.many(self.event),
        }

    async def call(self, number: int) -> None:
        await self.post(mcp_wire.call("add", mcp_wire.ERAS[number % 2], a=number, b=1))

    async def round(self, number: int) -> None:
        """The question by one replica, the answer taken by the next."""
        asked = mcp_wire.call("confirm", what=f"order {number}")
        state = (await self.post(asked))["result"]["requestState"]
        said = {"sure": {"action": "accept", "content": {"ok": True}}}
        asked["json"]["params"] |= {"requestState": state, "inputResponses": said}
        await self.post(asked)

    async def event(self, _: int) -> None:
        await self.post(mcp_wire.call("touch", uri=URI))

    @asynccontextmanager
    async def listening(self, count: int) -> AsyncIterator[None]:
        """So many open listen streams, over all replicas."""
        asked = mcp_wire.request("subscriptions/listen", notifications={"toolsListChanged": True})
        async with (
            httpx2.AsyncClient(timeout=60, trust_env=False) as http,
            AsyncExitStack() as stack,
        ):
            for _ in range(count):
                url = next(self.turn).url
                response = await stack.enter_async_context(http.stream("POST", url, **asked))
                await anext(mcp_wire.stream(response))
            yield


class Sessions(Operations):
    """Clients of 2025-11-25; each request meets the next replica."""

    def __init__(self, http: httpx2.AsyncClient, replicas: Sequence[Replica], folder: Path) -> None:
        super().__init__(http, replicas, folder)
        self.opened: list[Session] = []

    def all(self) -> dict[str, Work]:
        return {
            "session opened": self.many(self.open),
            "call in a session": self.many(self.call),
            "call in a session, streamed": self.many(self.streamed),
            "session closed": self.many(self.close),
        }

    async def open(self, _: int) -> None:
        """`initialize` and `notifications/initialized`."""
        turn = [next(self.turn) for _ in self.replicas]
        next(self.turn)  # the next one begins elsewhere
        self.opened.append(await Session(self.http, turn).open())

    async def call(self, number: int) -> None:
        session = self.opened[number % len(self.opened)]
        mcp_wire.text(await session.call("add", number=number, a=number, b=1))

    async def streamed(self, number: int) -> None:
        """Two steps of progress."""
        session = self.opened[number % len(self.opened)]
        mcp_wire.text(await session.call("count", number=number, to=2, pause=0.001))

    async def close(self, _: int) -> None:
        response = await self.opened.pop().delete()
        if response.status_code != 200:
            raise RuntimeError(response.text)


class Jobs(Operations):
    """Long work: replicas take jobs, workers run them."""

    def __init__(self, http: httpx2.AsyncClient, replicas: Sequence[Replica], folder: Path) -> None:
        super().__init__(http, replicas, folder)
        self.submitted: list[str] = []

    def all(self) -> dict[str, Work]:
        return {"job": self.run, "poll of a job": self.many(self.poll)}

    async def submit(self, number: int) -> None:
        body = {"tool": "verbose", "arguments": {"size": 10 + number}}
        response = await self.http.post(f"{next(self.turn).base}/jobs", json=body)
        self.submitted.append(response.json()["job_id"])

    async def run(self, count: int) -> None:
        """Submitted, run, ended; nobody polls."""
        await self.each(count, self.submit)
        await asyncio.sleep(1 + 0.02 * count)

    async def poll(self, number: int) -> None:
        job = self.submitted[number % len(self.submitted)]
        found = (await self.http.get(f"{next(self.turn).base}/jobs/{job}/status")).json()
        if found["state"] != "completed":
            raise RuntimeError(f"a job has not ended: {found}")
