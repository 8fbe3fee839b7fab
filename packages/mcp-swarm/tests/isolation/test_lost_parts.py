"""A process that has lost a part of itself says so and ends, so that another takes its place."""

import asyncio

import pytest

from lab.jobs.team import SAMPLE
from lab.legacy import Session
from lab.mcp_wire import call, request, text, with_headers

PACKAGES = ("lab.sample.stray", "lab.sample.tools")
SESSIONS = {"MCP_STATELESS_HTTP": "false"}
EXIT_LOST = 4


async def is_replaced(made, http, part):
    """Not ready while it drains, then gone with an exit code that is none of a stop."""
    await made.logged(f"{part} has ended, so this process ends too")
    ready = await http.get(f"{made.base}/readyz")
    assert ready.status_code == 503
    assert ready.json() == {"status": "failed", "missing": [part]}
    assert await asyncio.to_thread(made.wait) == EXIT_LOST


@pytest.mark.parametrize(
    "part", ["the heartbeat of sessions", "the inbox of sessions", "the channel of events"]
)
async def test_a_replica_whose_part_has_ended_is_replaced(service, http, part):
    """Calls in flight are finished first, and what still comes is served."""
    made = service(packages=PACKAGES, MCP_DRAIN_SECONDS=3, **SESSIONS)
    slow = asyncio.create_task(http.post(made.url, **call("sleep", seconds=1)))
    await made.logged("the sleep begins")
    assert text(await http.post(made.url, **call("cancels", name=part))) == "cancelled"
    assert text(await http.post(made.url, **call("add", a=1, b=2))) == "3"
    await is_replaced(made, http, part)
    assert text(await slow) == "slept 1 s"


async def test_a_replica_whose_sessions_have_ended_is_replaced(replica, http):
    """The SDK's task group, which an exception that escapes ends: none of a tool's does any more."""
    made = replica(packages=PACKAGES, without=["isolation"], MCP_DRAIN_SECONDS=3, **SESSIONS)
    session = await Session(http, [made]).open()
    asked = with_headers(request("tools/list", "legacy"), X_Middleware_Exits="now")
    await session.post(asked)
    await is_replaced(made, http, "what serves /mcp")


@pytest.mark.parametrize("part", ["the queue of jobs", "the sweep of jobs"])
async def test_a_worker_whose_part_has_ended_is_replaced(service, http, part):
    """A worker too: the job that it ran is done."""
    jobs = {"packages": SAMPLE, "MCP_TASK_REDELIVERY_SECONDS": 2}
    made, worker = service(**jobs), service(worker=True, **jobs)
    body = {"tool": "cancels", "arguments": {"name": part}}
    assert (await http.post(f"{made.base}/jobs", json=body)).status_code == 202
    assert await asyncio.to_thread(worker.wait) == EXIT_LOST
    assert f"{part} has ended, so this process ends too" in worker.log
    assert (await http.get(f"{made.base}/readyz")).status_code == 200


async def test_without_a_watch_nobody_hears_of_it(service, http):
    """The control: ready, and deaf to the other replicas."""
    made = service(packages=PACKAGES, without=["part-supervision"], **SESSIONS)
    asked = call("cancels", name="the inbox of sessions")
    assert text(await http.post(made.url, **asked)) == "cancelled"
    assert (await http.get(f"{made.base}/readyz")).status_code == 200
