"""Decides when calls are due: after the previous answer (closed loop) or by the clock (open loop).

A closed loop slows down with its target, so the latency it measures is a lower bound (coordinated
omission). An open loop never waits for an answer. With too many calls in flight, it drops the next
one and counts it; it never delays it.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Literal

from mcp_swarm_load.timer import Timer

Arrivals = Literal["constant", "poisson"]

_STOP_CHECK_NS = 100_000_000

_MIN_SLEEP_NS = 200_000
"""Minimum time between two wake-ups of an open loop, because a wake-up costs more than a call.
Above 5,000 calls/s a few calls are made together, less than this late. Latency since due includes
the delay."""

_BURST = 32
"""Calls started in a row before the loop handles answers."""

Make = Callable[[int], Awaitable[None]]
"""Makes one call that is due at this perf_counter_ns()."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """Growth of the load from nothing to all of it over `seconds`, linearly or in `steps`."""

    seconds: float
    steps: int = 0

    def time_of(self, amount: float) -> float:
        """Returns the seconds until `amount` of work is done, if the full load does 1 a second."""
        length = self.seconds
        if not self.steps:
            over = amount - length / 2
            return length + over if over > 0 else math.sqrt(2 * length * amount)
        step = length / self.steps
        for number in range(1, self.steps + 1):
            done = step * number / self.steps
            if amount < done:
                return step * (number - 1) + amount * self.steps / number
            amount -= done
        return length + amount

    def done_by(self, at: float) -> float:
        """Returns the work done after `at` seconds; the inverse of `time_of`."""
        at_end = min(at, self.seconds)
        after = max(0.0, at - self.seconds)
        if not self.steps:
            return at_end * at_end / (2 * self.seconds) + after
        step = self.seconds / self.steps
        whole = min(int(at_end / step), self.steps)
        begun = (at_end - whole * step) * min(whole + 1, self.steps) / self.steps
        return step * whole * (whole + 1) / 2 / self.steps + begun + after

    def start_of(self, worker: int, workers: int) -> float:
        """Returns the seconds after which worker number `worker` (from 0) starts."""
        share = worker / workers
        if self.steps:
            share = int(share * self.steps) / self.steps
        return self.seconds * share


@dataclass(frozen=True, slots=True)
class Pause:
    """Think time between a caller's calls, in seconds."""

    seconds: float
    kind: Literal["fixed", "exponential"] = "fixed"

    def draw(self, rng: random.Random) -> float:
        """Returns the length of the next pause."""
        if self.kind == "exponential":
            return rng.expovariate(1.0) * self.seconds
        return self.seconds


class CallBudget:
    """The calls or seconds that a closed loop may use, warm-up not counted.

    The warm-up is a number of calls, or lasts until a perf_counter_ns(). The seconds start with the
    first call after it.
    """

    def __init__(
        self,
        calls: int | None = None,
        seconds: float | None = None,
        *,
        warm_calls: int = 0,
        warm_until: int = 0,
    ) -> None:
        self._calls, self._seconds = calls, seconds
        self._warm_calls, self._warm_until = warm_calls, warm_until
        self.end: int | None = None
        if seconds is not None and warm_until:
            self.end = warm_until + int(seconds * 1e9)

    def take(self, now: int) -> bool:
        """Takes one call from the budget. Returns False if none is left."""
        if self._warm_calls:
            self._warm_calls -= 1
            return True
        if now < self._warm_until:
            return True
        if self._seconds is not None:
            if self.end is None:
                self.end = now + int(self._seconds * 1e9)
            if now >= self.end:
                return False
        if self._calls is not None:
            if not self._calls:
                return False
            self._calls -= 1
        return True


async def closed_loop(
    makes: Sequence[Make],
    budget: CallBudget,
    *,
    stop: asyncio.Event,
    start_after: Callable[[int], float] | None = None,
    think: Callable[[], float] | None = None,
) -> None:
    """Runs each of `makes` in a loop, one call after the other, until the budget is used up.

    Caller number n starts after `start_after(n)` seconds and pauses for `think()` seconds between
    two calls.
    """

    async def rest(seconds: float) -> None:
        if budget.end is not None:
            seconds = min(seconds, (budget.end - perf_counter_ns()) / 1e9)
        if seconds > 0:
            await _unless(stop, seconds)

    async def work(number: int, make: Make) -> None:
        if start_after is not None:
            await rest(start_after(number))
        while not stop.is_set():
            now = perf_counter_ns()
            if not budget.take(now):
                return
            await make(now)
            if think is not None:
                await rest(think())

    await asyncio.gather(*(work(number, make) for number, make in enumerate(makes)))


async def _unless(stop: asyncio.Event, seconds: float) -> None:
    """Sleeps for `seconds`, or until `stop` is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def due_times(
    rate: float,
    arrivals: Arrivals,
    seed: int,
    calls: int | None,
    seconds: float | None,
    *,
    ramp: Ramp | None = None,
    burst: tuple[int, int] | None = None,
) -> Iterator[int]:
    """Yields when calls are due, in nanoseconds after the start: evenly or as a Poisson process.

    With a ramp, the rate grows to its full value. Poisson arrivals stay a Poisson process, because
    the ramp stretches time and not the gaps. With bursts, a random number of calls is due at once;
    the next burst follows after the time that this number takes at `rate`.
    """
    gap = 1e9 / rate
    end = seconds * 1e9 if seconds is not None else float("inf")
    rng = random.Random(seed)  # noqa: S311  a schedule, not a secret
    for passed in itertools.islice(_calls_before(arrivals, burst, rng), calls):
        at = passed * gap if ramp is None else ramp.time_of(passed / rate) * 1e9
        if at >= end:
            return
        yield int(at)


def _calls_before(
    arrivals: Arrivals, burst: tuple[int, int] | None, rng: random.Random
) -> Iterator[float]:
    """Yields how many calls at the full rate are due before each call."""
    if burst is not None:
        begun = 0
        while True:
            size = rng.randint(*burst)
            yield from itertools.repeat(begun, size)
            begun += size
    if arrivals == "constant":
        yield from itertools.count()  # counted from the start, so rounding errors do not add up
    passed = 0.0
    while True:
        yield passed
        passed += rng.expovariate(1.0)


async def open_loop(
    make: Make,
    due: Iterator[int],
    *,
    start: int,
    limit: int,
    drop: Callable[[int], None],
    stop: asyncio.Event,
) -> None:
    """Starts each call when it is due, without waiting for answers. Returns when all have ended.

    `due` counts from `start`, a perf_counter_ns(). While `limit` calls are in flight, the next one
    is passed to `drop` instead.
    """
    running: set[asyncio.Future[None]] = set()
    in_a_row = woken = 0
    with Timer() as timer:
        for offset in due:
            at = start + offset
            while (now := perf_counter_ns()) < at and not stop.is_set():
                await timer.wait_until(min(max(at, woken + _MIN_SLEEP_NS), now + _STOP_CHECK_NS))
                woken = perf_counter_ns()
                in_a_row = 0
            in_a_row += 1
            if in_a_row % _BURST == 0 or len(running) >= limit:
                # After a stall of this process, handle the answers that have arrived first.
                await asyncio.sleep(0)
            if stop.is_set():
                break
            if len(running) >= limit:
                drop(at)
                continue
            call = asyncio.ensure_future(make(at))
            running.add(call)
            call.add_done_callback(running.discard)
    if running:
        await asyncio.gather(*running)
