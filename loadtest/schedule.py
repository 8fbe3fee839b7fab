"""When calls are due: in a closed loop after the one before, in an open loop by the clock.

A closed loop slows down with its target, so what it measures is a lower bound (coordinated
omission). The open loop never waits for an answer; a call for which there is no connection left is
counted as dropped, never put off.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from time import perf_counter_ns
from typing import Literal

Arrivals = Literal["constant", "poisson"]

_STOP_CHECK_SECONDS = 0.1

_BURST = 32
"""Calls started in a row before answers get their turn."""

Make = Callable[[int], Awaitable[None]]
"""Makes one call that was due at this perf_counter_ns()."""


async def closed_loop(
    make: Make, *, workers: int, calls: int | None, seconds: float | None, stop: asyncio.Event
) -> None:
    """Each of `workers` calls again as soon as its answer is there, until either bound is met."""
    left = iter(range(calls)) if calls is not None else iter(int, 1)
    end = perf_counter_ns() + int(seconds * 1e9) if seconds is not None else None

    async def work() -> None:
        for _ in left:
            now = perf_counter_ns()
            if stop.is_set() or (end is not None and now >= end):
                return
            await make(now)

    await asyncio.gather(*(work() for _ in range(workers)))


def due_times(
    rate: float, arrivals: Arrivals, seed: int, calls: int | None, seconds: float | None
) -> Iterator[int]:
    """Nanoseconds after the start at which calls are due: evenly, or as a Poisson process."""
    gap = 1e9 / rate
    end = seconds * 1e9 if seconds is not None else float("inf")
    dice = random.Random(seed)  # noqa: S311  a schedule, not a secret
    at = 0.0
    number = 0
    while at < end and (calls is None or number < calls):
        yield int(at)
        number += 1
        at = number * gap if arrivals == "constant" else at + dice.expovariate(1.0) * gap


async def open_loop(
    make: Make,
    due: Iterator[int],
    *,
    limit: int,
    drop: Callable[[int], None],
    stop: asyncio.Event,
) -> None:
    """Start each call when it is due, whatever became of those before; return when all ended.

    With `limit` calls in hand the next one is handed to `drop` instead.
    """
    start = perf_counter_ns()
    running: set[asyncio.Future[None]] = set()
    in_a_row = 0
    for offset in due:
        at = start + offset
        while (wait := at - perf_counter_ns()) > 0 and not stop.is_set():
            await asyncio.sleep(min(wait / 1e9, _STOP_CHECK_SECONDS))
            in_a_row = 0
        in_a_row += 1
        if in_a_row % _BURST == 0 or len(running) >= limit:
            # Catching up after a stall of our own: answers that are there must be taken first.
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
