"""Work in processes that a limit ends: nothing goes on, and nobody waits behind one who asks for much."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest
from fastmcp.exceptions import ToolError

from lab import greedy
from mcp_swarm import process_pool
from mcp_swarm.process_pool.turns import MAX_WAITING, Turns

pytestmark = pytest.mark.processes

LONG = 60  # seconds, for what shall not be ended by its time

linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()


async def gone(pid):
    for _ in range(200):
        if not lives(pid):
            return True
        await asyncio.sleep(0.05)
    return False


async def named(mark):
    """The processes that have written their ids into the file `mark`."""
    for _ in range(400):
        if mark.exists() and mark.read_text().endswith("\n"):
            return [int(line) for line in mark.read_text().split()]
        await asyncio.sleep(0.05)
    raise AssertionError("it never began")


async def test_a_process_is_used_again_and_loads_no_fastmcp():
    first, second = [await process_pool.run(greedy.about, seconds=LONG) for _ in range(2)]
    assert first == second
    assert first[0] != os.getpid()
    assert first[1] == []


async def test_work_that_takes_too_long_is_killed(tmp_path):
    await process_pool.run(greedy.about, seconds=LONG)
    with pytest.raises(ToolError, match=r"stopped after 1.5 s"):
        await process_pool.run(greedy.spin, str(tmp_path / "pid"), seconds=1.5)
    assert await gone(*await named(tmp_path / "pid"))


async def test_a_call_that_is_cancelled_takes_its_process_along(tmp_path):
    call = asyncio.create_task(process_pool.run(greedy.spin, str(tmp_path / "pid"), seconds=LONG))
    (pid,) = await named(tmp_path / "pid")
    assert lives(pid)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await gone(pid)


@linux
async def test_work_that_takes_too_much_memory_is_stopped():
    """In a process that has not much more than the limit, and that does the next work."""
    with pytest.raises(ToolError, match="more than 128 MB"):
        await process_pool.run(greedy.take, 400, seconds=LONG)
    assert await process_pool.run(greedy.take, 60, seconds=LONG)


async def test_in_the_server_itself_it_would_have_had_the_memory():
    """The control: the same work, here."""
    assert greedy.take(400) == os.getpid()


async def test_an_error_arrives_as_what_it_is_in_the_server():
    """Although its process does not know FastMCP."""
    with pytest.raises(ToolError, match="not this one"):
        await process_pool.run(greedy.refuse, seconds=LONG)


async def test_a_replica_has_two_processes_however_many_cores_there_are():
    found = await asyncio.gather(*[process_pool.run(greedy.about, seconds=LONG) for _ in range(12)])
    assert 1 <= len({pid for pid, _ in found}) <= process_pool.PROCESSES


async def test_callers_take_turns():
    """One who comes once waits behind one call of another who came ten times."""
    turns = Turns(1)
    order = []

    async def work(caller, number):
        await turns.take(caller)
        order.append((caller, number))
        await asyncio.sleep(0)
        turns.give()

    many = [asyncio.create_task(work("many", number)) for number in range(10)]
    await asyncio.sleep(0)
    one = asyncio.create_task(work("one", 0))
    await asyncio.gather(*many, one)
    assert order.index(("one", 0)) <= 3
    assert [number for caller, number in order if caller == "many"] == list(range(10))


async def test_too_many_that_wait_are_refused_at_once_and_the_place_of_one_that_left_is_free():
    turns = Turns(1)
    await turns.take("a")
    waiting = [asyncio.create_task(turns.take("a")) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(ToolError, match="already waiting"):
        await turns.take("a")
    for left in waiting[1:]:
        left.cancel()
    await asyncio.gather(*waiting[1:], return_exceptions=True)
    turns.give()
    await waiting[0]
    turns.give()
    async with asyncio.timeout(5):
        await turns.take("b")


async def test_the_loop_is_free_meanwhile():
    await process_pool.run(greedy.about, seconds=LONG)
    longest, last = 0.0, time.monotonic()
    work = asyncio.create_task(process_pool.run(greedy.wait, 1, seconds=LONG))
    while not work.done():
        await asyncio.sleep(0.005)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert longest < 0.8
