"""What a job costs: `python -m lab.jobs.speed URL JOBS bare|ours`.

`bare` is Docket as it comes, but for the pause of a worker that is full: it is what ours has, and
with jobs as short as these it bounds the throughput of both. Both take in all jobs, ten at a time, and run them with ten at once
in the same process. Prints JSON: time to take in and to run through, and CPU, a job. A process
each, since ours changes what Docket reads from Redis with.
"""

import asyncio
import json
import os
import resource
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from docket import Docket, Worker
from fastmcp.tools import tool

from mcp_swarm.app import App
from mcp_swarm.build import build_mcp
from mcp_swarm.config import Settings

AT_ONCE, PAUSE = 10, timedelta(milliseconds=100)
Figures = dict[str, float]


async def bare(url: str, jobs: int) -> Figures:
    """Docket as its documentation has it, results kept as ours are."""
    done = asyncio.Event()
    ended = 0

    async def nothing(number: int) -> int:
        nonlocal ended
        ended += 1
        if ended == jobs + 1:
            done.set()
        return number

    async with Docket(name=f"bare-{secrets.token_hex(4)}", url=url) as docket:
        docket.register(nothing)
        async with Worker(docket, concurrency=AT_ONCE, minimum_check_interval=PAUSE) as worker:
            running = asyncio.create_task(worker.run_forever())

            async def submit(number: int) -> None:
                await docket.add(nothing)(number)

            figures = await _measured(submit, done.wait, jobs)
            running.cancel()
            await asyncio.wait({running})
    return figures


async def ours(url: str, jobs: int) -> Figures:
    """Jobs: checked, sealed, owned, limited, with their result and figures kept."""
    done = asyncio.Event()
    ended = 0

    @tool(task=True)
    async def nothing(number: int) -> int:
        nonlocal ended
        ended += 1
        if ended == jobs + 1:
            done.set()
        return number

    settings = Settings(
        redis_url=url,
        mcp_name=f"ours-{secrets.token_hex(4)}",
        mcp_request_state_keys=(secrets.token_hex(32),),
        mcp_task_queue_limit=10 * jobs,
        mcp_task_concurrency=AT_ONCE,
        mcp_task_tenant_limit=AT_ONCE,
    )
    mcp: App = build_mcp(settings, ("lab.jobs.sample",))
    mcp.add_tool(nothing)
    assert mcp.jobs is not None
    mcp.jobs.engine.works = True
    async with mcp.jobs.lifetime():
        await mcp.jobs.engine.docket()

        async def submit(number: int) -> None:
            assert mcp.jobs is not None
            await mcp.jobs.submit("nothing", {"number": number})

        async def all_written() -> None:
            assert mcp.jobs is not None
            await done.wait()
            while await mcp.jobs.repository.count("running"):  # noqa: ASYNC110 - it is in Redis
                await asyncio.sleep(0.005)

        return await _measured(submit, all_written, jobs)


async def _measured(
    submit: Callable[[int], Awaitable[None]], end: Callable[[], Awaitable[Any]], jobs: int
) -> Figures:
    """Figures of `jobs`, after one that loads what is loaded with the first."""
    await submit(jobs)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            await submit(number)

    began, used = time.perf_counter(), _cpu()
    await asyncio.gather(*(one(number) for number in range(jobs)))
    taken_in = time.perf_counter() - began
    await end()
    whole = time.perf_counter() - began
    return {
        "taken in, ms a job": 1000 * taken_in / jobs,
        "run through, ms a job": 1000 * whole / jobs,
        "CPU, ms a job": 1000 * (_cpu() - used) / jobs,
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    way = {"bare": bare, "ours": ours}[sys.argv[3]]
    print(json.dumps(asyncio.run(way(sys.argv[1], int(sys.argv[2])))), flush=True)
    os._exit(0)
