"""Monitors the tester itself: its event loop's lag and its CPU use.

`measure.validity` uses both to decide whether a run measured its target or the tester.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter_ns

from mcp_swarm_load.measure.result import Result

_EVERY_SECONDS = 0.01
_TIMER_NS = 1_000_000
"""Resolution of the loop's timers: epoll and libuv count in milliseconds."""


@asynccontextmanager
async def monitor(result: Result) -> AsyncIterator[None]:
    """While entered, records `result.lag`. On exit, stores this process's CPU use."""
    began, cpu = time.perf_counter(), time.process_time()
    probe = asyncio.ensure_future(_probe(result))
    try:
        yield
    finally:
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        lasted = time.perf_counter() - began
        used = 100 * (time.process_time() - cpu) / lasted if lasted else 0.0
        result.cpu_percent = max(result.cpu_percent, used)


async def _probe(result: Result) -> None:
    """Records every 10 ms how long a new event would have waited for the loop.

    The value is the larger of two times. One is the duration of a whole turn of the loop, with
    every answer handled in it. The other is the delay of the timer, which also shows a stall
    between turns.
    """
    while True:
        asked = perf_counter_ns()
        await asyncio.sleep(_EVERY_SECONDS)
        woken = perf_counter_ns()
        await asyncio.sleep(0)
        begun = perf_counter_ns()
        await asyncio.sleep(0)
        late = woken - asked - int(_EVERY_SECONDS * 1e9) - _TIMER_NS
        result.lag.record(max(perf_counter_ns() - begun, late))
