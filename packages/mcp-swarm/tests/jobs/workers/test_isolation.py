"""Whatever a job raises ends that job, and neither its worker nor other jobs."""

import asyncio

import pytest

from lab.jobs.sample.ends import EXCEPTIONS
from lab.jobs.team import SAMPLE

ENDS = (*EXCEPTIONS, "exit in a thread", "exit in a task", "panic in a task")


async def ended(made, curl, *workers):
    """Every job that ends badly, at once; the process that runs jobs before and after."""
    before = await curl.text(made, await curl.submit(made, "process"))
    jobs = {how: await curl.submit(made, "ends", how=how) for how in ENDS}
    jobs["dependency"] = await curl.submit(made, "depends")
    jobs["cancels itself"] = await curl.submit(made, "cancels_itself")
    results = {}
    for how, job in jobs.items():
        state = (await curl.until(made, job))["state"]
        results[how] = state, await curl.result(made, job)
    for how, (state, result) in results.items():
        assert (state, result["isError"]) == ("completed", True), how
        assert result["content"][0]["text"].startswith("Error calling tool "), how
        assert "hunter2" not in str(result), how
    logs = "".join(each.log for each in (made, *workers))
    for how in (*ENDS, "dependency"):
        assert logs.count(f"hunter2-{how}\n") == 1, how
    assert await curl.text(made, await curl.submit(made, "process")) == before


async def test_in_a_worker(team, curl):
    """The worker that ran them runs the next."""
    made, worker = team.replica(), team.worker()
    await ended(made, curl, worker)


async def test_in_one_process(replica, curl):
    """The replica that runs its own jobs goes on serving."""
    await ended(replica(packages=SAMPLE), curl)


@pytest.mark.parametrize("how", ["exit", "interrupt"])
async def test_without_isolation_a_job_ends_its_worker(team, curl, how):
    """The control: and the next one that it is delivered to."""
    made, worker = team.replica(), team.worker(without=["isolation", "loop-guard"])
    await curl.submit(made, "ends", how=how)
    assert await asyncio.to_thread(worker.wait) != 0


async def test_a_job_that_blocks_its_worker_is_named(team, curl):
    """A worker runs several: one that blocks the event loop holds the others up."""
    made, worker = team.replica(), team.worker()
    assert await curl.text(made, await curl.submit(made, "stall")) == "stalled"
    await worker.logged(r"WARNING .*Tool 'stall' at \S+ends.py:\d+ blocks the event loop")
