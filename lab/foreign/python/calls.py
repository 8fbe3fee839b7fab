"""What each Python client does: calls in a loop until stdin ends, then whether it still lives.

    python sdk.py URL

It prints "ready" once it is connected and one JSON object at the end; see lab/foreign/clients.py.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from random import Random

# Is told of each step.
Progress = Callable[..., Awaitable[None]]
# Whether a tool says that it failed.
Call = Callable[[str, dict, Progress | None], Awaitable[bool]]
# Calls at a time over one connection: an error of one must not touch the others.
CALLERS = 3
# Seconds after which a call without an answer is counted as hung: a little less than the official
# TypeScript SDK waits by default.
SECONDS = 55.0
NOTHING = {"answered": 0, "errors": 0, "hung": 0, "slowest": 0.0, "lost": "", "messages": {}}
# Seconds after the storm in which a client that lives must have been answered.
SECONDS_TO_RECOVER = 30.0


class Calls:
    """The calls of one client, and what became of them."""

    def __init__(
        self, call: Call, error_type: type[Exception] | tuple[type[Exception], ...]
    ) -> None:
        self._call = call
        self._error_type = error_type
        self._stop = asyncio.Event()
        self.seen = {**NOTHING, "messages": {}}

    async def run(self) -> None:
        print("ready", flush=True)
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, sys.stdin.read).add_done_callback(lambda _: self._stop.set())
        await asyncio.gather(*(self._caller(Random(number)) for number in range(CALLERS)))
        async with asyncio.timeout(SECONDS_TO_RECOVER):
            while not await self._one("count_reading", {"steps": 0}):  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    async def _caller(self, rng: Random) -> None:
        while not self._stop.is_set():
            asks = rng.random() < 0.5
            if rng.random() < 0.5:
                await self._one("count_reading", {"steps": rng.randint(0, 2)}, asks=asks)
            else:
                run = f"foreign-{rng.random()}"
                arguments = {"run": run, "steps": rng.randint(0, 2)}
                await self._one("count_writing", arguments, asks=asks)
            await asyncio.sleep(rng.uniform(0, 0.1))

    async def _one(self, tool: str, arguments: dict, *, asks: bool = False) -> bool:
        """One call; `asks` for progress, its answer is a stream from the first step on."""

        async def progress(*step: object) -> None:
            """Where the steps go."""

        began = time.monotonic()
        try:
            async with asyncio.timeout(SECONDS):
                is_error = await self._call(tool, arguments, progress if asks else None)
        except TimeoutError:
            self.seen["hung"] += 1
            return False
        except self._error_type as error:
            text = str(error)[:80]
            self.seen["messages"][text] = self.seen["messages"].get(text, 0) + 1
            is_error = True
        self.seen["slowest"] = max(self.seen["slowest"], time.monotonic() - began)
        self.seen["errors" if is_error else "answered"] += 1
        return not is_error


def main(use: Callable[[str, dict], Awaitable[None]]) -> None:
    """Runs ``use(url, found)``, which puts its Calls into `found`."""
    found: dict[str, Calls] = {}
    lost = ""
    try:
        asyncio.run(use(sys.argv[1], found))
    except BaseException as error:
        lost = repr(error)
    seen = found["calls"].seen if found else NOTHING
    print(json.dumps({**seen, "lost": lost}), flush=True)
