"""A closed loop makes calls after answers, an open loop by the clock."""

import asyncio
import sys
import time
from itertools import pairwise
from statistics import mean, pstdev
from time import perf_counter_ns

from mcp_swarm_load.schedule import CallBudget, closed_loop, due_times, open_loop
from mcp_swarm_load.testing.runs import load
from mcp_swarm_load.testing.target import Target
from mcp_swarm_load.timer import Timer


async def test_a_closed_loop_never_has_more_calls_in_flight_than_workers():
    max_in_flight, most, made = 0, 0, 0

    async def make(due: int) -> None:
        nonlocal max_in_flight, most, made
        max_in_flight, made = max_in_flight + 1, made + 1
        most = max(most, max_in_flight)
        await asyncio.sleep(0.001)
        max_in_flight -= 1

    await closed_loop([make] * 7, CallBudget(calls=100), stop=asyncio.Event())

    assert (made, most) == (100, 7)


async def test_a_closed_loop_can_be_limited_by_time():
    start = perf_counter_ns()
    await closed_loop(
        [lambda due: asyncio.sleep(0.01)] * 2,
        CallBudget(seconds=0.2),
        stop=asyncio.Event(),
    )

    assert 0.2e9 <= perf_counter_ns() - start < 10e9


def test_constant_arrivals_keep_their_distance_to_the_end():
    """Each time is computed from the start, so errors do not add up."""
    times = list(due_times(3_000, "constant", 1, None, 10))

    assert len(times) == 30_000
    assert times[-1] == 29_999 * 1_000_000_000 // 3_000


def test_poisson_arrivals_have_the_rate_and_the_spread_of_a_poisson_process():
    """Exponential gaps: their standard deviation is their mean."""
    times = list(due_times(1_000, "poisson", 1, 20_000, None))
    gaps = [later - earlier for earlier, later in pairwise(times)]

    assert abs(mean(gaps) / 1e6 - 1) < 0.03
    assert abs(pstdev(gaps) / mean(gaps) - 1) < 0.03
    assert times == list(due_times(1_000, "poisson", 1, 20_000, None))
    assert times != list(due_times(1_000, "poisson", 2, 20_000, None))


async def fifty_calls_that_never_end() -> list[float]:
    """Makes 500 calls/s. Returns by how many milliseconds each was late."""
    made: list[float] = []
    stop = asyncio.Event()

    async def make(due: int) -> None:
        made.append((perf_counter_ns() - due) / 1e6)
        await stop.wait()

    loop = asyncio.ensure_future(
        open_loop(
            make,
            due_times(500, "constant", 1, 50, None),
            start=perf_counter_ns(),
            limit=99,
            drop=made.remove,
            stop=stop,
        )
    )
    async with asyncio.timeout(20):
        while len(made) < 50:  # noqa: ASYNC110 - nothing tells of each call
            await asyncio.sleep(0.01)
    stop.set()
    await loop
    return made


async def test_an_open_loop_does_not_wait_for_answers():
    """All calls are made on time. A busy machine may be late, but not in ten tries."""
    tried = []
    for _ in range(10):
        made = await fifty_calls_that_never_end()
        assert len(made) == 50
        assert min(made) >= 0
        tried.append(sorted(made)[25])
        if tried[-1] < 20:
            return
    raise AssertionError(f"half of the calls were late by more ms than {tried}")


async def test_calls_above_the_limit_in_flight_are_dropped_and_fail_the_run():
    """They are counted and not delayed. Otherwise the limit would hide the delay that it causes."""
    async with Target(delay=lambda number: 1.0).serving() as target:
        run = await load(target, calls=40, rate=400.0, max_in_flight=10)

    totals = run["totals"]
    assert (totals["right"], totals["dropped"], totals["failed"]) == (10, 30, 0)
    assert not run["verdict"]["passed"]
    assert [
        (check["name"], check["passed"])
        for check in run["verdict"]["checks"]
        if "sent" in check["name"]
    ] == [("sent of what was due", False)]


async def test_a_stall_of_the_tester_itself_drops_no_call():
    """Six hundred calls are due during the stall. Answers are handled between them."""
    async with Target().serving() as target:
        asyncio.get_running_loop().call_later(0.3, time.sleep, 0.3)
        run = await load(target, calls=1_500, rate=2_000.0, max_in_flight=300)

    assert (run["totals"]["right"], run["totals"]["dropped"]) == (1_500, 0)
    assert run["client"]["lateness_ms"]["max"] > 200


async def a_thousand_waits() -> tuple[float, float]:
    """Waits half a millisecond many times. Returns the median lateness in ns and the CPU seconds."""
    late, cpu, start = [], time.process_time(), perf_counter_ns()
    with Timer() as timer:
        for number in range(1_000):
            moment = start + number * 500_000
            while perf_counter_ns() < moment:
                await timer.wait_until(moment)
            late.append(perf_counter_ns() - moment)

    assert min(late) >= 0
    return sorted(late)[500], time.process_time() - cpu


async def test_the_timer_expires_on_time_and_uses_no_cpu_while_it_waits():
    """The loop's own timer would be late, or busy the whole time, in each of ten tries.

    A busy machine may delay this timer too, but not in ten tries.
    """
    tried = []
    for _ in range(10):
        tried.append(await a_thousand_waits())
        late, cpu = tried[-1]
        if late < 300_000 and cpu < 0.25:  # of half a second
            return
    raise AssertionError(tried)


async def test_without_timerfd_the_loop_s_timer_is_used(monkeypatch):
    monkeypatch.setattr(sys, "platform", "other")
    with Timer() as timer:
        moment = perf_counter_ns() + 20_000_000
        await timer.wait_until(moment)

    assert 15e6 < perf_counter_ns() - moment + 20e6 < 20e9
