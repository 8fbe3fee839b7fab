"""Official clients go on while replicas are killed (SIGKILL) at moments drawn by chance.

Each user has one client of the official SDK, unmodified, and does this and that with it: calls that
read, write, ask, remember and tell, and listens. Whenever somebody begins something, a replica may
be killed up to 0.4 s later, or two at once; each is replaced. The draw is seeded.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import mcp_types as types
from mcp.client.client import Client
from mcp.client.subscriptions import SubscriptionLost
from mcp.shared.exceptions import MCPError

from lab.swarm.local_cluster import Here

ERAS = ("legacy", "2026-07-28")
# Seconds from the beginning of something to the kill, at most.
LATEST = 0.4
TWO_AT_ONCE = 0.2  # of the kills
# Seconds: what takes longer hangs. An error has to come far sooner, also on a busy machine.
HANGS = 60.0
# Seconds more in which a GET stream that was cut is open again. One that is cut a second time before
# is given up by the official client, which tries twice, a second apart.
RESUMED = 2.0
TOLD_AT_ONCE = 5


@dataclass
class Seen:
    """What became of all that the users did."""

    kills: int = 0
    opened: int = 0
    calls: int = 0
    answered: int = 0
    errors: int = 0
    slowest: float = 0.0  # error, seconds
    hung: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)  # clients that died of it
    strayed: list[str] = field(default_factory=list)  # state that was not what it had to be
    begun: int = 0  # reads of sessions that were cut off after their stream had begun
    unfinished: int = 0  # of those
    effects: dict[str, bool] = field(default_factory=dict)  # run → whether it was answered
    wrong: list[str] = field(default_factory=list)  # runs with more effects than one, or too few
    sent: int = 0
    lost: int = 0
    doubled: int = 0

    @property
    def holds(self) -> bool:
        """Nothing hung, no client ended, no effect twice, no state or message lost or doubled."""
        faults = (self.hung, self.ended, self.strayed, self.wrong)
        return not any(faults) and not self.lost and not self.doubled and self.answered > 0


class User:
    """One client and what it does; `begins` is called whenever something begins."""

    def __init__(
        self,
        url: str,
        era: str,
        sessions: bool,
        rng: Random,
        seen: Seen,
        begins: Callable[[], None],
    ) -> None:
        self.name = f"{era}-{rng.randrange(10**9)}"
        self._url, self._era, self._rng, self._seen, self._begins = url, era, rng, seen, begins
        self._in_session = sessions and era == "legacy"
        self._runs = itertools.count(1)
        self._heard: list[int] = []
        self._sent: list[int] = []
        self._tells = itertools.count(0)
        self._kept: set[str] = {"None"}

    async def run(self, stop: asyncio.Event) -> None:
        """Does one thing after the other until `stop`, and looks what became of its messages."""
        try:
            while not stop.is_set():
                async with AsyncExitStack() as stack:
                    if client := await self._judged(
                        "open", stack.enter_async_context(self._client())
                    ):
                        self._seen.opened += 1
                        await self._use(client, stop)
        except Exception as error:
            self._seen.ended.append(f"{self.name}: {leaves(error)}")

    def _client(self) -> Client:
        return Client(
            self._url,
            mode=self._era,
            logging_callback=self._hear,
            elicitation_callback=self._decide,
        )

    async def _use(self, client: Client, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._rng.choice(self._kinds())(client)
            await asyncio.sleep(self._rng.choice((0.0, self._rng.uniform(0, 0.3))))
        await self._hear_all()

    def _kinds(self) -> list[Callable[[Client], Awaitable[None]]]:
        kinds = [self._read, self._write, self._list]
        if self._in_session:
            return [*kinds, self._keep, self._ask, self._tell, self._tell]
        return kinds if self._era == "legacy" else [*kinds, self._ask, self._listen]

    async def _read(self, client: Client) -> None:
        steps: list[float] = []

        async def note(done: float, total: float | None, replica: str | None) -> None:
            steps.append(done)

        asked = {"steps": self._rng.randint(0, 4)}
        answer = await self._call(client, "count_reading", asked, note)
        if self._in_session and steps and steps != list(range(1, asked["steps"] + 1)):
            self._seen.begun += 1
            self._seen.unfinished += answer is None

    async def _write(self, client: Client) -> None:
        run = f"{self.name}-{next(self._runs)}"
        asked = {"run": run, "steps": self._rng.randint(0, 2)}
        self._seen.effects[run] = await self._call(client, "count_writing", asked) is not None

    async def _ask(self, client: Client) -> None:
        run = f"{self.name}-{next(self._runs)}"
        self._seen.effects[run] = await self._call(client, "confirm", {"run": run}) is not None

    async def _list(self, client: Client) -> None:
        await self._judged("list", client.list_tools())

    async def _keep(self, client: Client) -> None:
        """Changes what the session remembers, or looks at it: after an error it may be either."""
        if self._rng.random() < 0.5:
            value = str(next(self._runs))
            done = await self._call(client, "keep", {"value": value})
            self._kept = {value} if done else {value, *self._kept}
        elif found := await self._call(client, "kept", {}):
            value = str((found.structured_content or {})["result"][0])
            if value not in self._kept:
                self._seen.strayed.append(f"{self.name}: {value}, not of {self._kept}")
            self._kept = {value}

    async def _tell(self, client: Client) -> None:
        first = next(self._tells) * TOLD_AT_ONCE + 1
        numbers = range(first, first + TOLD_AT_ONCE)
        if await self._call(client, "tell", {"first": numbers[0], "last": numbers[-1]}):
            self._sent += numbers

    async def _listen(self, client: Client) -> None:
        """A stream is opened, a change is told, and heard unless the stream ends."""

        async def listen() -> bool:
            async with client.listen(resource_subscriptions=["probe://news"]) as stream:
                await asyncio.sleep(self._rng.uniform(0, LATEST))
                if await self._call(client, "touch", {}):
                    with suppress(Exception):  # whatever the SDK calls the end of a broken stream
                        await anext(aiter(stream))
            return True

        await self._judged("listen", listen())

    async def _call(
        self, client: Client, tool: str, asked: dict[str, Any], progress: Any = None
    ) -> types.CallToolResult | None:
        calling = client.call_tool(tool, asked, progress_callback=progress)
        found: types.CallToolResult | None = await self._judged(f"{tool} {asked}", calling)
        return found

    async def _judged(self, what: str, doing: Awaitable[Any]) -> Any:
        """What it came to; None if that is an error, which is counted."""
        self._begins()
        self._seen.calls += 1
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(HANGS):
                found = await doing
        except TimeoutError:
            self._seen.hung.append(f"{self.name}: {what}")
            return None
        except Exception as error:
            if not all(isinstance(one, MCPError | SubscriptionLost) for one in leaves(error)):
                raise
            found = None
        if found is None or getattr(found, "is_error", False):
            self._seen.errors += 1
            self._seen.slowest = max(self._seen.slowest, loop.time() - began)
            return None
        self._seen.answered += 1
        return found

    async def _hear(self, message: types.LoggingMessageNotificationParams) -> None:
        self._heard.append(int(message.data))

    async def _decide(self, context: Any, params: Any) -> types.ElicitResult:
        self._begins()
        await asyncio.sleep(self._rng.uniform(0, LATEST))
        return types.ElicitResult(action="accept", content={"value": True})

    async def _hear_all(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(HANGS / 2):
                while not set(self._sent) <= set(self._heard):  # noqa: ASYNC110 - told by a callback
                    await asyncio.sleep(0.1)
        self._seen.sent += len(self._sent)
        self._seen.lost += len(set(self._sent) - set(self._heard))
        self._seen.doubled += len(self._heard) - len(set(self._heard))


def leaves(error: BaseException) -> list[BaseException]:
    """The errors in a group of groups."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for one in error.exceptions for leaf in leaves(one)]
    return [error]


async def lived_through(
    service: Here, *, sessions: bool, seed: int, kills: int, users: int
) -> Seen:
    """What `users` of either era in turn saw of so many kills.

    The balancer knows all three replicas again before the next of them is killed, so that there is
    one to go on with, and streams have been resumed. It is over once a client has ended.
    """
    rng, seen, stop, begun = Random(seed), Seen(), asyncio.Event(), asyncio.Event()
    made = [
        User(service.url, era, sessions, Random(f"{seed} {n}"), seen, begun.set)
        for n, era in zip(range(users), itertools.cycle(ERAS), strict=False)
    ]
    running = [asyncio.create_task(one.run(stop)) for one in made]
    while seen.kills < kills and not seen.ended:
        begun.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(begun.wait(), HANGS)
        await asyncio.sleep(rng.uniform(0, LATEST))
        for name in rng.sample(service.names, 2 if rng.random() < TWO_AT_ONCE else 1):
            await asyncio.to_thread(service.kill, name)
            seen.kills += 1
        while not await asyncio.to_thread(service.is_whole):  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.1)
        await asyncio.sleep(RESUMED if sessions else 0)
    stop.set()
    await asyncio.gather(*running)
    effects = service.effects()
    for run, answered in seen.effects.items():
        if effects.get(run, 0) not in ({1} if answered else {0, 1}):
            seen.wrong.append(f"{run}: {effects.get(run, 0)} effects, answered: {answered}")
    return seen
