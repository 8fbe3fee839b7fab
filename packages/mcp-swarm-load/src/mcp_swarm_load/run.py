"""Runs a plan in this process: connects, makes the calls on schedule and counts every answer."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, TypeVar

from mcp_swarm_load.health import monitor
from mcp_swarm_load.measure.affinity import Affinity
from mcp_swarm_load.measure.record import recording
from mcp_swarm_load.measure.result import Result
from mcp_swarm_load.plan import Plan, Share
from mcp_swarm_load.progress import Snapshot
from mcp_swarm_load.schedule import CallBudget, closed_loop, open_loop
from mcp_swarm_load.target.pool import ConnectionPool
from mcp_swarm_load.traffic.callers import Caller, make_callers
from mcp_swarm_load.traffic.driver import NEVER, Driver
from mcp_swarm_load.traffic.values import RandomSource

_GRACE_SECONDS = 2.0
"""How long calls in flight may take to finish after the run is interrupted."""

_CLOSING_SECONDS = 10.0
"""How long closing the open sessions may take at the end of a run."""

ALONE = Share()

_T = TypeVar("_T")


class WorkerError(Exception):
    """A worker process ended before its work was done. The run's figures would be wrong."""


@dataclass(slots=True)
class Outcome:
    """A run's result and facts about the run itself."""

    result: Result
    connections: int
    affinity: Affinity
    cpu_seconds: float
    """CPU time of all processes. `result.cpu_percent` is that of the busiest one."""
    interrupted: bool
    started_at: float
    """Unix time."""


def run_on_fastest_loop(work: Coroutine[Any, Any, _T]) -> _T:
    """Runs `work` on uvloop if it is installed, which halves the cost of a call; else on asyncio."""
    try:
        import uvloop  # it is not on every platform
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


async def run(
    plan: Plan,
    watch: Callable[[Snapshot], None] | None = None,
    *,
    share: Share = ALONE,
    start: int = 0,
    stop: asyncio.Event | None = None,
) -> Outcome:
    """Makes the calls of `plan` and returns the outcome.

    `watch` receives a snapshot four times a second. SIGINT and SIGTERM end the run early, with
    its result so far. As one of several processes it makes its `share` of the calls, starting at
    `start` (a perf_counter_ns()), until the share is done or `stop` is set.

    Raises TargetError if the target cannot be reached.
    """
    pool = ConnectionPool(plan.url, timeout=plan.timeout, keep_alive=plan.keep_alive, ca=plan.ca)
    await pool.start()
    stop = stop or asyncio.Event()
    while (left := start - perf_counter_ns()) > 0:  # noqa: ASYNC110  a timer may be early
        await asyncio.sleep(left / 1e9)
    started_at, cpu, begun = time.time(), time.process_time(), start or perf_counter_ns()
    warm = NEVER - begun if plan.warmup_calls else int(plan.warmup_seconds * 1e9)
    result = Result(begun + warm)
    driver = Driver(plan, pool, result, share)
    callers = _callers(plan, share)
    with signals_set(stop):
        driving = asyncio.ensure_future(
            _drive(plan, share, begun, driver, callers=callers, stop=stop)
        )
        watcher = asyncio.ensure_future(_watch(result, watch)) if watch else None
        try:
            async with monitor(result):
                with recording(plan.record, result):
                    await _until_done(driving, stop)
        finally:
            if watcher is not None:
                watcher.cancel()
            result.end = perf_counter_ns()
            result.start = min(result.start, result.end)
            result.warmup = driver.warmup
            driving.cancel()
            await asyncio.gather(driving, return_exceptions=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_SECONDS if stop.is_set() else _CLOSING_SECONDS):
                    await driver.close(callers)
            affinity = pool.affinity()
            await pool.stop()
    cpu_seconds = time.process_time() - cpu
    return Outcome(result, pool.opened, affinity, cpu_seconds, stop.is_set(), started_at)


def _callers(plan: Plan, share: Share) -> list[Caller]:
    if plan.rate is None:
        return make_callers(
            share.part(plan.workers), plan.tokens, plan.headers, share.number, share.of
        )
    return make_callers(max(1, len(plan.tokens)), plan.tokens, plan.headers)


async def _drive(
    plan: Plan,
    share: Share,
    start: int,
    driver: Driver,
    *,
    callers: list[Caller],
    stop: asyncio.Event,
) -> None:
    if plan.rate is None:
        think, ramp = plan.think, plan.ramp
        rng = RandomSource(plan.seed, share.number).rng
        warm_until = start + int(plan.warmup_seconds * 1e9) if plan.warmup_seconds else 0
        await closed_loop(
            [driver.maker(caller) for caller in callers],
            CallBudget(
                None if plan.calls is None else share.part(plan.calls),
                plan.seconds,
                warm_calls=plan.warmup_calls,
                warm_until=warm_until,
            ),
            stop=stop,
            think=None if think is None else lambda: think.draw(rng),
            start_after=None
            if ramp is None
            else lambda n: ramp.start_of(share.number + n * share.of, plan.workers),
        )
        return
    result = driver.result
    makers = [driver.maker(caller) for caller in callers]
    turns = itertools.cycle(makers)

    async def round_robin(due: int) -> None:
        await next(turns)(due)

    def drop(due: int) -> None:
        result.dropped += due >= result.start

    due = plan.due_times()
    mine = due if share.of == 1 else _drawn(due, share, plan.seed)
    limit = max(1, share.part(plan.max_in_flight))
    make = makers[0] if len(makers) == 1 else round_robin
    await open_loop(make, mine, start=start, limit=limit, drop=drop, stop=stop)


def _drawn(due: Iterator[int], share: Share, seed: int) -> Iterator[int]:
    """Yields the calls of the common schedule that belong to one process.

    All processes make the same random draw. Round robin would be simpler. But with as many
    processes as replicas behind a round-robin balancer, each process would meet one replica only,
    as if its connections were pinned.
    """
    rng = random.Random(f"share/{seed}")  # noqa: S311  no secret
    return (at for at in due if rng.randrange(share.of) == share.number)


async def _until_done(driving: asyncio.Future[Any], stop: asyncio.Event) -> None:
    """Waits for all calls. After a stop, calls in flight have the grace period to finish."""
    stopped: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
    await asyncio.wait([driving, stopped], return_when=asyncio.FIRST_COMPLETED)
    if not driving.done():
        await asyncio.wait({driving}, timeout=_GRACE_SECONDS)
    stopped.cancel()
    if driving.done():
        driving.result()


async def _watch(result: Result, watch: Callable[[Snapshot], None]) -> None:
    while True:
        await asyncio.sleep(0.25)
        watch(Snapshot.of(result))


@contextmanager
def signals_set(stop: asyncio.Event) -> Iterator[None]:
    """While entered, SIGINT and SIGTERM set `stop`. A second signal ends the program as usual."""
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        # Only the main thread may set handlers; elsewhere (tests, notebooks) there are none.
        with suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(ValueError, RuntimeError, NotImplementedError):
                loop.remove_signal_handler(number)
