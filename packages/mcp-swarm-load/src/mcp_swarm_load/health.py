"""Watches the tester itself while it runs: how long its event loop keeps an event waiting, and how
much of a core it uses. What it finds decides whether a run says anything of its target.
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
"""What loop timers are exact to: epoll and libuv count in milliseconds."""


@asynccontextmanager
async def monitor(result: Result) -> AsyncIterator[None]:
    """While entered, fill `result.lag`; at the end note the CPU that this process used."""
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
    """One value each 10 ms: how long an event that came now would have waited for its turn.

    It is the longer of what one whole turn of the loop takes, which counts every answer that is
    handled before, and of how late the timer woke us, which also sees a stall between turns.
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
