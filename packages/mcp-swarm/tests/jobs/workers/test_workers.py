"""Replicas that serve and workers that work, on one Redis: nothing is lost, nothing done twice."""

import asyncio
import itertools
import json
import signal
import time

import pytest

from lab.jobs.team import SECONDS_TO_SETTLE, effects, noted, there
from lab.mcp_wire import answer, request, stream
from lab.service_name import NAME


async def test_replicas_run_no_jobs_and_workers_do(team, curl):
    """A job waits until there is a worker; any replica knows how it goes."""
    one, two = team.replica(), team.replica()
    job = await curl.submit(one, "work", seconds=0.2)
    await asyncio.sleep(1)
    assert (await curl.status(two, job))["state"] == "queued"
    team.worker()
    assert await curl.text(two, job) == "worked 0.2 s"


async def test_the_jobs_of_a_killed_worker_are_run_by_another(team, curl, tmp_path):
    """SIGKILL: by the setting, not after Docket's five minutes."""
    made, doomed = team.replica(), team.worker()
    job = await curl.submit(made, "until_asked", folder=str(tmp_path))
    await noted(tmp_path, 1)
    doomed.kill(signal.SIGKILL)
    team.worker()
    await noted(tmp_path, 2)
    (tmp_path / "end").touch()
    assert await curl.text(made, job) == "told at start 2"
    assert effects(tmp_path) == [f"start {job}", f"start {job}", f"end {job}"]


@pytest.mark.parametrize("without", [(), ("slot-keeping",)])
async def test_a_lost_job_keeps_its_place(team, curl, valkey, tmp_path, without):
    """In its tenant's share, until it goes on in it; in the control others that wait have it.

    Another ends after the time at which the lost job may be delivered again, and before it is: what
    has expired by then goes to those that wait. The place was renewed just before its worker died.
    """
    silence, sweeps = 3, f"{NAME}:jobs:leases:redelivery-sweep"
    settings = {"MCP_TASK_REDELIVERY_SECONDS": silence, "MCP_TASK_TENANT_LIMIT": 2}
    settings["without"] = without
    made, doomed = team.replica(**settings), team.worker(MCP_TASK_CONCURRENCY=1, **settings)
    lost = await curl.submit(made, "until_asked", folder=str(tmp_path))
    await noted(tmp_path, 1)
    others = tmp_path / "others"
    others.mkdir()
    for _ in range(3):
        await curl.submit(made, "until_asked", folder=str(others))
    team.worker(**settings)
    await noted(others, 1)
    with valkey.client() as client:
        keys = client.scan_iter(f"{NAME}:jobs:concurrency:*")
        (place,) = (key for key in keys if not key.endswith(b":waiters"))
        client.set(sweeps, "another", ex=60)  # who looks for lost messages now: no worker of ours
        doomed.kill(signal.SIGKILL)
        client.zadd(place, {lost: time.time()}, xx=True)
        await asyncio.sleep(silence)
        (others / "end").touch()
        await noted(others, 3)  # one has ended, and the next has begun
        kept = client.zscore(place, lost) is not None
        client.delete(sweeps)
        while kept and len(effects(tmp_path)) < 2:
            kept = client.zscore(place, lost) is not None
            await asyncio.sleep(0.01)
    assert kept == (not without)


async def test_at_dockets_own_time_the_job_of_a_killed_worker_just_waits(team, curl, tmp_path):
    """The control: five minutes."""
    settings = {"MCP_TASK_REDELIVERY_SECONDS": 300}
    made, doomed = team.replica(**settings), team.worker(**settings)
    job = await curl.submit(made, "until_asked", folder=str(tmp_path))
    await noted(tmp_path, 1)
    doomed.kill(signal.SIGKILL)
    team.worker(**settings)
    await asyncio.sleep(5)  # twice what is enough at two seconds
    assert (await curl.status(made, job))["state"] == "running"
    assert effects(tmp_path) == [f"start {job}"]


async def test_a_stopping_worker_finishes_its_jobs(team, curl, tmp_path):
    """T11: longer than the redelivery time, and nobody else begins them meanwhile."""
    team.settings["MCP_TASK_REDELIVERY_SECONDS"] = 3
    made, stopping = team.replica(), team.worker()
    job = await curl.submit(made, "until_asked", folder=str(tmp_path))
    await noted(tmp_path, 1)
    other = team.worker()
    stopping.kill(signal.SIGTERM)
    await asyncio.sleep(5)  # silence, the sweep after it, a second more
    (tmp_path / "end").touch()
    assert stopping.wait(30) == 0
    assert (await curl.status(made, job))["state"] == "completed"
    assert effects(tmp_path) == [f"start {job}", f"end {job}"]
    assert job not in other.log


async def test_without_kept_leases_the_job_is_delivered_twice(team, curl, tmp_path):
    """The control of T11: with Docket's own renewal a second worker gets the job in the drain."""
    made, stopping = team.replica(), team.worker(without=["lease-keeping"])
    job = await curl.submit(made, "until_asked", folder=str(tmp_path))
    await noted(tmp_path, 1)
    other = team.worker()
    stopping.kill(signal.SIGTERM)
    other.wait_for_log(rf"job\(.*{job}", seconds=SECONDS_TO_SETTLE)


async def test_what_a_stopping_worker_cannot_finish_goes_back_at_once(team, curl, tmp_path):
    """It is not left to be found: another worker begins it long before the redelivery time."""
    settings = {"MCP_TASK_REDELIVERY_SECONDS": 300, "MCP_TASK_DRAIN_SECONDS": 1}
    made, stopping = team.replica(**settings), team.worker(**settings)
    job = await curl.submit(made, "until_asked", folder=str(tmp_path))
    await noted(tmp_path, 1)
    team.worker(**settings)
    assert stopping.stop(seconds=30) == 0
    await noted(tmp_path, 2)
    (tmp_path / "end").touch()
    assert await curl.text(made, job) == "told at start 2"
    assert effects(tmp_path) == [f"start {job}", f"start {job}", f"end {job}"]


async def test_queued_and_running_jobs_outlive_a_restart_of_redis(team, curl, valkey, tmp_path):
    """The first job after it, too (a stale connection is tried anew)."""
    made = team.replica(MCP_TASK_CONCURRENCY=1)
    team.worker(MCP_TASK_CONCURRENCY=1)
    running = await curl.submit(made, "until_asked", folder=str(tmp_path))
    await noted(tmp_path, 1)
    queued = [await curl.submit(made, "work", seconds=0.1, folder=str(tmp_path)) for _ in range(3)]
    valkey.kill()
    assert (await curl.http.get(f"{made.base}/jobs/{running}/status")).status_code == 503
    valkey.start()
    after = await curl.submit(made, "work", seconds=0.1, folder=str(tmp_path))
    (tmp_path / "end").touch()
    for job in (running, *queued, after):
        assert (await curl.until(made, job))["state"] == "completed"
        assert effects(tmp_path).count(f"end {job}") == 1


async def test_a_worker_thought_dead_leaves_no_trace_when_it_wakes(team, curl, tmp_path):
    """SIGSTOP: another worker runs the job; the first one's end is not written over its."""
    made, paused = team.replica(), team.worker()
    job = await curl.submit(made, "until_asked", folder=str(tmp_path))
    await noted(tmp_path, 1)
    paused.kill(signal.SIGSTOP)
    team.worker()
    await noted(tmp_path, 2)
    (tmp_path / "end").touch()
    found = await curl.until(made, job)
    assert found["starts"] == 2
    paused.kill(signal.SIGCONT)
    paused.wait_for_log("stops: it is|is dropped: the job is", seconds=SECONDS_TO_SETTLE)
    assert (await curl.status(made, job))["ended_at"] == found["ended_at"]
    assert await curl.text(made, job) == "told at start 2"


@pytest.mark.parametrize("without", [(), ("job-fencing",)])
async def test_only_who_took_a_job_last_can_end_it(team, curl, tmp_path, without):
    """A worker that hangs and wakes in mid-run is stopped; in the control its result is the job's."""
    made, paused = team.replica(), team.worker(without=without)
    job = await curl.submit(made, "until_asked", folder=str(tmp_path))
    await noted(tmp_path, 1)
    paused.kill(signal.SIGSTOP)
    team.worker(without=without)
    await noted(tmp_path, 2)  # it was held for dead, and another has begun
    (tmp_path / "end-1").touch()
    paused.kill(signal.SIGCONT)
    paused.wait_for_log(rf"↩ .*{job}", seconds=SECONDS_TO_SETTLE)
    (tmp_path / "end-2").touch()
    assert await curl.text(made, job) == f"told at start {1 if without else 2}"


async def test_cancelling_reaches_the_running_code(team, curl, tmp_path):
    """From any replica; the worker goes on with other jobs. How soon: lab/prove/tasks.py."""
    made, other = team.replica(), team.replica()
    team.worker()
    job = await curl.submit(made, "stubborn", folder=str(tmp_path))
    await there(tmp_path / "begun")
    await curl.http.delete(f"{other.base}/jobs/{job}")
    await noted(tmp_path, 1)
    assert await curl.text(made, await curl.submit(made, "work", seconds=0.05)) == "worked 0.05 s"


OLDER = ("lab.jobs.older",)


async def test_a_tool_of_a_newer_release_waits_for_a_worker_that_has_it(team, curl):
    """T10: an old worker hands on what has a tool, or an argument, that it does not know."""
    made, old_replica = team.replica(), team.replica(packages=OLDER)
    old = team.worker(packages=OLDER)
    new_tool = await curl.submit(made, "work", seconds=0.1)
    new_argument = await curl.submit(made, "verbose", size=3)
    for job in (new_tool, new_argument):
        await curl.until_it_says(old_replica, job, "waits for a worker")
    team.worker()
    assert await curl.text(made, new_tool) == "worked 0.1 s"
    assert await curl.text(old_replica, new_argument) == "xxx"
    assert old.stop() == 0


async def test_without_that_an_old_worker_takes_it_for_done(team, curl):
    """The control of T10: nobody runs it any more, not even who could."""
    settings = {"MCP_TASK_REDELIVERY_SECONDS": 30}
    made = team.replica(**settings)
    old = team.worker(packages=OLDER, without=["job-release"], **settings)
    jobs = [
        await curl.submit(made, "work", seconds=0.1),
        await curl.submit(made, "verbose", size=3),
    ]
    for job in jobs:
        await curl.until(made, job, "running")
    assert old.stop() == 0
    team.worker(**settings)
    assert await curl.text(made, await curl.submit(made, "work", seconds=0.1)) == "worked 0.1 s"
    assert [(await curl.status(made, job))["state"] for job in jobs] == ["running"] * 2


@pytest.mark.parametrize(("limit", "at_once"), [(2, 2), (9, 6)])
async def test_one_tenant_cannot_take_all_workers(authed, a, b, tmp_path, limit, at_once):
    """Of all its jobs, on all workers, so many run at once; another tenant passes them.

    The control has a limit that it does not reach.
    """
    settings = {"MCP_TASK_TENANT_LIMIT": limit}
    made = authed.replica(**settings)
    jobs = [await a.submit(made, "until_asked", folder=str(tmp_path)) for _ in range(6)]
    other = await b.submit(made, "work", seconds=0.1)
    for _ in range(2):
        authed.worker(**settings)
    await noted(tmp_path, at_once)
    assert await b.text(made, other) == "worked 0.1 s"
    await asyncio.sleep(0.5)  # more would begin now
    assert len(effects(tmp_path)) == at_once
    (tmp_path / "end").touch()
    for job in jobs:
        await a.until(made, job)
    running = [1 if line.startswith("start") else -1 for line in effects(tmp_path)]
    assert max(itertools.accumulate(running)) == at_once


async def test_a_job_that_kills_its_worker_is_given_up(team, curl):
    """Instead of killing one worker after another for ever."""
    made = team.replica()
    settings = {"MCP_TASK_ATTEMPTS": 2, "MCP_TASK_REDELIVERY_SECONDS": 1}
    job = await curl.submit(made, "deadly")
    for _ in range(2):
        assert team.worker(ready=False, **settings).wait(SECONDS_TO_SETTLE) == -9
    team.worker(**settings)
    found = await curl.until(made, job)
    assert found["state"] == "failed"
    assert "2 workers were lost" in found["message"]


async def test_a_job_that_the_queue_has_lost_is_queued_again(team, curl, valkey):
    """The last net: the record is there, Docket's entry is not."""
    settings = {"MCP_TASK_REDELIVERY_SECONDS": 1}
    made = team.replica(**settings)
    job = await curl.submit(made, "work", seconds=0.1)
    with valkey.client() as client:
        for key in client.scan_iter(f"{NAME}:jobs:*"):
            if key.decode().split(":")[2] in ("stream", "runs"):
                client.delete(key)
    team.worker(**settings)
    assert await curl.text(made, job) == "worked 0.1 s"


async def test_a_listening_client_is_told_when_its_job_changes(team, curl, http):
    """What the worker reports reaches a client that listens to another process, without polling."""
    made = team.replica(MCP_JSON_RESPONSE="false")
    job = await curl.submit(made, "work", seconds=0.5)
    uri = f"job://{job}"
    asked = request("subscriptions/listen", notifications={"resourceSubscriptions": [uri]})
    async with http.stream("POST", made.url, **asked) as response:
        messages = stream(response)
        first = await anext(messages)
        assert first["method"] == "notifications/subscriptions/acknowledged"
        team.worker()
        reported = await anext(messages)
        while (await curl.status(made, job))["state"] != "completed":
            reported = await anext(messages)
        assert reported["method"] == "notifications/resources/updated"
        assert reported["params"]["uri"] == uri
    read = answer(await http.post(made.url, **request("resources/read", uri=uri)))["result"]
    assert json.loads(read["contents"][0]["text"])["state"] == "completed"
