"""A run whose tester was the bottleneck is invalid and says so."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from typing import Any

import pytest

from mcp_swarm_load.health import monitor
from mcp_swarm_load.measure.result import Result
from mcp_swarm_load.measure.validity import caution, reasons
from mcp_swarm_load.testing.runs import program
from mcp_swarm_load.testing.target import Target


def waits(**changes: float) -> dict[str, float]:
    return {"n": 500, "p50": 0.1, "p99": 0.5, "max": 2.0, **changes}


def client(**changes: Any) -> dict[str, Any]:
    return {"cpu_percent": 40.0, "lag_ms": waits(), "lateness_ms": waits(), **changes}


def latencies(p50: float | None = 20.0, p99: float | None = 80.0) -> dict[str, Any]:
    row = {"p50": p50, "p99": p99, "max": 100.0}
    return {"since_sent": row, "since_due": row}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"lag_ms": waits(p99=8.5)}, "delayed events by 8.50 ms (p99)"),
        ({"lag_ms": waits(p99=7.9)}, None),
        ({"lag_ms": waits(p50=2.5, p99=2.6)}, "delayed events by 2.50 ms (p50)"),
        ({"lag_ms": waits(n=49, p99=80.0), "cpu_percent": 100.0}, None),
        ({"lateness_ms": waits(p99=8.1)}, "made 1 call in 100 at least 8.10 ms late"),
        ({"lateness_ms": waits(n=0, p99=0.0)}, None),
        ({"cpu_percent": 91.0}, "used 91 % of a core"),
    ],
)
def test_each_sign_of_an_overloaded_tester_is_reported(changes, said):
    """The check needs half a second of samples."""
    found = reasons(client(**changes), latencies())

    assert [said in text for text in found] == ([True] if said else [])


def test_without_a_p99_the_maximum_is_used():
    assert reasons(client(lag_ms=waits(p99=9.9)), latencies(p99=None)) == []
    assert reasons(client(lag_ms=waits(p99=10.1)), latencies(p99=None)) != []


def test_waits_of_the_clock_and_the_scheduler_are_no_reason():
    """However fast the target: 2 ms of lag, 5 ms of lateness."""
    fast = {key: {"p50": 0.2, "p99": 0.4, "max": 0.5} for key in ("since_sent", "since_due")}
    calm = client(lag_ms=waits(p99=1.9), lateness_ms=waits(p99=4.9))

    assert (reasons(calm, fast), caution(calm, fast)) == ([], "")


def test_a_lag_over_a_tenth_of_the_median_is_a_caution_on_a_valid_run():
    lagging = client(lag_ms=waits(p99=2.5))

    assert reasons(lagging, latencies()) == []
    assert "part of the tail is the tester's" in caution(lagging, latencies())


async def test_a_stalling_loop_is_detected_and_a_calm_one_is_not():
    """It is blocked for 30 ms of every 40 ms, so half of the events wait for over 10 ms."""
    stalled = Result(0)
    for _ in range(10):  # a busy machine may delay a calm loop, but not in every try
        calm = Result(0)
        async with monitor(calm):
            await asyncio.sleep(0.6)
        if calm.lag.count > 20 and calm.lag.quantile(5000) < 3_000_000:
            break
    async with monitor(stalled):
        until = time.perf_counter() + 0.8
        while time.perf_counter() < until:
            time.sleep(0.03)  # noqa: ASYNC251  the stall itself
            await asyncio.sleep(0.01)

    assert calm.lag.count > 20
    assert calm.lag.quantile(5000) < 3_000_000
    assert stalled.lag.quantile(9900) > 10_000_000


async def test_a_loop_with_long_turns_is_detected():
    """No timer shows this: answers wait behind others in the same turn."""
    result = Result(0)

    async def busy() -> None:
        while True:
            until = time.perf_counter() + 0.0009
            while time.perf_counter() < until:
                pass
            await asyncio.sleep(0)

    async with monitor(result):
        work = asyncio.ensure_future(busy())
        await asyncio.sleep(0.6)
        work.cancel()

    assert result.lag.minimum >= 900_000


async def test_the_cpu_of_a_process_is_that_of_the_run():
    result = Result(0)
    async with monitor(result):
        until = time.process_time() + 0.2
        while time.process_time() < until:  # noqa: ASYNC110  it is to be busy
            await asyncio.sleep(0)
        await asyncio.sleep(0.2)

    assert 5 < result.cpu_percent < 90


async def out_of_breath(*words: str) -> tuple[int | None, str]:
    """Runs the load tester and stops it half of the time."""
    process = await program(*words)
    output = asyncio.ensure_future(process.communicate())
    await asyncio.sleep(0.5)
    while not output.done():
        for number in (signal.SIGSTOP, signal.SIGCONT):
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)  # send_signal() might take its exit code from asyncio
            await asyncio.sleep(0.04)
    out, _ = await output
    return process.returncode, out.decode()


@pytest.mark.processes
@pytest.mark.parametrize(
    ("how", "sign"),
    [(("--rate", "200"), "ms late, more"), (("--concurrent", "4"), "delayed events")],
)
async def test_a_run_of_an_overloaded_tester_is_invalid_and_exits_with_1(how, sign):
    """All of its answers are right. --accept-busy-client makes it valid."""
    words = ("--duration", "2.5", *how, "--url")
    async with Target(delay=lambda n: 0.01).serving() as target:
        code, out = await out_of_breath(*words, target.url)
        accepted, judged = await out_of_breath(*words, target.url, "--accept-busy-client")

    assert (code, accepted) == (1, 0)
    assert "INVALID  not a result of the server: the tester was the bottleneck" in out
    assert "  PASS  " in judged
    assert judged.index("accepted, but the tester was the bottleneck") > judged.index("CLIENT")
    assert [sign in text for text in (out, judged)] == [True, True]
