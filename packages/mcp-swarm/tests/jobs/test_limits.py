"""What a job may be and take: refused before it is queued, or stopped where it goes too far."""

import asyncio
import time

import pytest

from lab.jobs.team import SAMPLE, SECONDS_TO_SETTLE, effects, there
from lab.jobs.wire import as_task
from lab.mcp_wire import answer, call, is_error
from lab.service_name import NAME


async def test_a_job_over_its_limit_is_stopped_and_says_so(replica, curl):
    """Its tool's own limit (T8), or that of all jobs."""
    made = replica(packages=SAMPLE, MCP_TASK_LIMIT_SECONDS=1)
    for tool, limit in (("too_slow", "0.5"), ("endless", "1 s")):
        found = await curl.until(made, await curl.submit(made, tool))
        assert found["state"] == "failed"
        assert limit in found["message"]


@pytest.mark.parametrize(("limit", "state"), [(1, "failed"), (60, "running")])
async def test_the_limit_reaches_the_running_code(replica, curl, tmp_path, limit, state):
    """It does not run on behind the job's back; in the control the limit is far off."""
    made = replica(packages=SAMPLE, MCP_TASK_LIMIT_SECONDS=limit, MCP_DRAIN_SECONDS=0)
    job = await curl.submit(made, "stubborn", folder=str(tmp_path))
    await there(tmp_path / "begun")
    if state == "running":
        await asyncio.sleep(2)  # twice the limit that the control is without
    await curl.until(made, job, state)
    assert effects(tmp_path) == (["told to end"] if state == "failed" else [])
    await curl.http.delete(f"{made.base}/jobs/{job}")


async def test_a_tool_that_was_taken_away_is_waited_for_an_hour(team, curl, valkey):
    """Then its job fails, and says so."""
    made = team.replica()
    job = await curl.submit(made, "work", seconds=0.1)
    with valkey.client() as client:
        client.hset(f"{NAME}:job:{{{job}}}", "unknown_since", time.time() - 3700)
    team.worker(packages=("lab.jobs.older",))
    found = await curl.until(made, job)
    assert found["state"] == "failed"
    assert "'work' for an hour" in found["message"]


async def test_a_result_is_kept_for_a_set_time(replica, curl):
    """Then there is no such job any more."""
    made = replica(packages=SAMPLE, MCP_TASK_RESULT_SECONDS=4)
    job = await curl.submit(made, "work", seconds=0.05)
    assert await curl.text(made, job) == "worked 0.05 s"
    deadline = time.monotonic() + SECONDS_TO_SETTLE
    while (await curl.http.get(f"{made.base}/jobs/{job}/result")).status_code != 404:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


async def test_what_cannot_run_is_refused_before_it_is_queued(replica, curl, http):
    """Unknown tools, wrong arguments, tools that are not for it."""
    made = replica(packages=SAMPLE)
    wrong = await curl.post(made, "work", seconds="long")
    assert wrong.status_code == 422
    assert "seconds: Input should be a valid number" in wrong.json()["detail"]
    for tool in ("decide", "nothing"):
        assert (await curl.post(made, tool)).status_code == 404
    assert (await http.post(f"{made.base}/jobs", content=b"[1]")).status_code == 422
    assert (await http.get(f"{made.base}/jobs/nothing/status")).status_code == 404
    assert is_error(await http.post(made.url, **call("job_status", job_id="nothing")))


async def test_neither_a_call_nor_a_result_is_larger_than_it_may_be(replica, curl):
    """Redis holds both: one caller could fill it."""
    made = replica(packages=SAMPLE, MCP_BODY_LIMIT=5000, MCP_TASK_RESULT_LIMIT=5000)
    large = await curl.post(made, "work", seconds=0.1, secret="x" * 6000)
    assert large.status_code == 413
    assert "MCP_BODY_LIMIT" in large.json()["detail"]
    assert (await curl.post(made, "work", seconds=0.1, secret="x" * 4000)).status_code == 202
    found = await curl.until(made, await curl.submit(made, "verbose", size=6000))
    assert found["state"] == "failed"
    assert "MCP_TASK_RESULT_LIMIT" in found["message"]


async def test_the_same_key_gives_the_same_job(replica, curl):
    """A caller that did not hear the answer asks again; another call under the key is refused."""
    made = replica(packages=SAMPLE)

    first = await curl.submit(made, "work", "a", seconds=0.1)
    assert await curl.submit(made, "work", "a", seconds=0.1) == first
    others = {await curl.submit(made, "work", key, seconds=0.1) for key in ("b", "", "")}
    assert len(others | {first}) == 4  # another key; and the control, no key at all
    assert (await curl.post(made, "work", "a", seconds=0.2)).status_code == 409


async def test_a_full_store_takes_no_job_and_no_large_result(team, curl, valkey):
    """Redis drops nothing: what fills it would stop all else. With room again, jobs are taken."""
    made = team.replica()
    large = await curl.submit(made, "verbose", size=100_000)
    small = await curl.submit(made, "work", seconds=0.05)
    with valkey.client() as client:
        client.setrange("other state", 64_000_000, "x")  # beside it connections count for little

        def full_to(share):
            client.config_set("maxmemory", int(client.info("memory")["used_memory"] / share))

        full_to(0.95)
        refused = await curl.post(made, "work", seconds=0.1)
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "60"
        assert "store of jobs is full" in refused.json()["detail"]
        team.worker()
        assert await curl.text(made, small) == "worked 0.05 s"
        assert "has room for now" in (await curl.until(made, large))["message"]
        full_to(0.5)
        again = await curl.submit(made, "verbose", size=100_000)
        assert len(await curl.text(made, again)) == 100_000


async def test_a_full_queue_refuses_and_says_when(replica, curl, http):
    """Instead of growing without bound: in HTTP, and as an error of the protocol."""
    made = replica(packages=SAMPLE, MCP_TASK_QUEUE_LIMIT=2, MCP_TASK_CONCURRENCY=1)
    running = await curl.submit(made, "work", seconds=30.0)
    await curl.until(made, running, "running")
    for _ in range(2):
        await curl.submit(made, "work", seconds=0.1)
    refused = await curl.post(made, "work", seconds=0.1)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    error = answer(await http.post(made.url, **as_task("work", seconds=0.1)))["error"]
    assert error["data"]["retryable"]
    await http.delete(f"{made.base}/jobs/{running}")
    wider = replica(packages=SAMPLE, MCP_TASK_QUEUE_LIMIT=4, MCP_TASK_CONCURRENCY=1)
    for _ in range(4):  # the control: one of them would run, three wait
        assert (await curl.post(wider, "work", seconds=0.1)).status_code == 202


@pytest.mark.parametrize(("limit", "accepted"), [(2, 503), (3, 202)])
async def test_what_waits_for_its_caller_counts_too(authed, a, b, limit, accepted):
    """On every replica, until it is answered or cancelled; nobody else is refused for it.

    The control has a limit that it does not reach.
    """
    settings = {"MCP_TASK_QUEUE_LIMIT": limit}
    one, two = authed.replica(**settings), authed.replica(**settings)
    authed.worker()
    asking = [await a.submit(one, "greet", key=key) for key in ("x", "y")]
    for job in asking:
        found = await a.until(one, job, "input_required")
    another = await a.post(two, "greet")
    assert another.status_code == accepted
    if accepted != 503:
        return
    assert int(another.headers["Retry-After"]) >= 1
    assert "2 of your jobs wait for input" in another.json()["detail"]
    assert await a.submit(two, "greet", key="x") == asking[0]  # known, thus no new one
    assert await b.text(two, await b.submit(two, "work", seconds=0.05)) == "worked 0.05 s"
    answers = {next(iter(found["input_requests"])): {"action": "decline"}}
    url = f"{two.base}/jobs/{asking[1]}/answers"
    assert (await a.http.post(url, json=answers, headers=a.headers)).status_code == 202
    await a.until(one, await a.submit(one, "greet"), "input_required")
    assert (await a.post(two, "greet")).status_code == 503
    await a.http.delete(f"{one.base}/jobs/{asking[0]}", headers=a.headers)
    assert (await a.post(two, "greet")).status_code == 202
