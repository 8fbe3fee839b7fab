"""One run: connects, drives the schedule, counts every answer, and ends cleanly when told to."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any
from urllib.parse import SplitResult

from loadtest.calls import Call, Era
from loadtest.client import Affinity, Client
from loadtest.result import Result
from loadtest.schedule import Arrivals, closed_loop, due_times, open_loop

_GRACE_SECONDS = 2.0
"""How long calls in flight may still finish once the run has been interrupted."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. `rate` (calls/s) makes it an open loop; without it `workers` take turns."""

    url: SplitResult
    era: Era = "modern"
    tool: str | None = None
    arguments: dict[str, Any] | None = None
    token: str | None = None
    calls: int | None = 50
    seconds: float | None = None
    workers: int = 10
    rate: float | None = None
    arrivals: Arrivals = "constant"
    seed: int = 1
    timeout: float = 30.0
    in_hand: int = 2000
    """Open loop: calls that may wait for an answer at one time; more are dropped and counted."""
    keep_alive: bool = True
    replicas: int = 0
    """Replicas that must be seen; 0 is any number."""
    replica_names: tuple[str, ...] = ()

    @property
    def shown_url(self) -> str:
        """The URL without credentials."""
        return self.url._replace(netloc=self.url.netloc.rpartition("@")[2]).geturl()

    def call(self) -> Call:
        """The call to make: `tools/call` of the tool, or `tools/list` where none is named."""
        method, params = "tools/list", None
        if self.tool is not None:
            method, params = "tools/call", {"name": self.tool, "arguments": self.arguments or {}}
        return Call(
            self.url, self.era, method, params, token=self.token, keep_alive=self.keep_alive
        )


@dataclass(slots=True)
class Outcome:
    """A run's result, and what is known of the run itself."""

    result: Result
    connections: int
    affinity: Affinity
    cpu_seconds: float
    interrupted: bool
    started_at: float
    """Unix time."""


async def run(plan: Plan, watch: Callable[[Result], None] | None = None) -> Outcome:
    """Make the calls of `plan`; `watch` is shown the result so far four times a second.

    SIGINT and SIGTERM end the run early and cleanly. Raises TargetError where the target cannot
    be connected to at all.
    """
    client = Client(plan.url, timeout=plan.timeout, keep_alive=plan.keep_alive)
    await client.start()
    stop = asyncio.Event()
    call = plan.call()
    started_at, cpu = time.time(), time.process_time()
    result = Result(perf_counter_ns())
    numbers = itertools.count(1)

    async def make(due: int) -> None:
        number = next(numbers)
        result.made += 1
        if plan.rate is not None:
            result.lateness.record(perf_counter_ns() - due)
        exchange = await client.send(call.render(number), due)
        result.add(exchange, call.judge(number, exchange))

    with _signals_set(stop):
        driver = asyncio.ensure_future(_drive(plan, make, result, stop))
        watcher = asyncio.ensure_future(_watch(result, watch)) if watch else None
        try:
            await _until_done(driver, stop)
        finally:
            if watcher is not None:
                watcher.cancel()
            result.end = perf_counter_ns()
            affinity = client.affinity()
            driver.cancel()
            await asyncio.gather(driver, return_exceptions=True)
            await client.stop()
    cpu_seconds = time.process_time() - cpu
    return Outcome(result, client.opened, affinity, cpu_seconds, stop.is_set(), started_at)


async def _drive(
    plan: Plan, make: Callable[[int], Any], result: Result, stop: asyncio.Event
) -> None:
    if plan.rate is None:
        await closed_loop(
            make, workers=plan.workers, calls=plan.calls, seconds=plan.seconds, stop=stop
        )
        return

    def drop(_due: int) -> None:
        result.dropped += 1

    due = due_times(plan.rate, plan.arrivals, plan.seed, plan.calls, plan.seconds)
    await open_loop(make, due, limit=plan.in_hand, drop=drop, stop=stop)


async def _until_done(driver: asyncio.Future[Any], stop: asyncio.Event) -> None:
    """Wait for the driver; once stopped, give the calls in flight only a moment more."""
    stopped: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
    await asyncio.wait([driver, stopped], return_when=asyncio.FIRST_COMPLETED)
    if not driver.done():
        await asyncio.wait({driver}, timeout=_GRACE_SECONDS)
    stopped.cancel()
    if driver.done():
        driver.result()


async def _watch(result: Result, watch: Callable[[Result], None]) -> None:
    while True:
        await asyncio.sleep(0.25)
        watch(result)


@contextmanager
def _signals_set(stop: asyncio.Event) -> Iterator[None]:
    """Within, SIGINT and SIGTERM set the event; a second one ends the program as usual."""
    loop = asyncio.get_running_loop()

    def told(number: int) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        # Only the main thread may; elsewhere (a test, a notebook) signals are not ours.
        with suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, told, number)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(ValueError, RuntimeError, NotImplementedError):
                loop.remove_signal_handler(number)
