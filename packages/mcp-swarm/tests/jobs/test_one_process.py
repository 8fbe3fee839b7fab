"""Long work in one process: nothing to install, the same for every kind of caller."""

import asyncio
import re

from lab.jobs.team import SAMPLE, SECONDS_TO_SETTLE, effects, noted, there
from lab.jobs.wire import EXTENSION, about_task, as_task
from lab.mcp_wire import answer, call, request, text
from mcp_swarm.jobs import outcome


async def test_a_slow_call_is_polled_over_http(shared_replica, curl, tmp_path):
    """Queued, running with progress and an estimate, done with a link to the result."""
    made = shared_replica(packages=SAMPLE)
    posted = await curl.post(made, "until_asked", folder=str(tmp_path))
    assert posted.status_code == 202
    assert posted.headers["Retry-After"] == "1"
    job = posted.json()["job_id"]
    assert posted.headers["Location"] == f"/jobs/{job}/status"
    asked = await curl.http.get(f"{made.base}/jobs/{job}/status")
    assert int(asked.headers["Retry-After"]) >= 1
    reported = await curl.until_it_says(made, job, "half of it")
    assert reported["state"] == "running"
    assert (reported["progress"], reported["total"], reported["fraction"]) == (1, 2, 0.5)
    assert reported["rate"] > 0
    assert reported["remaining_seconds"] > 0
    (tmp_path / "end").touch()
    end = await curl.until(made, job)
    assert end["state"] == "completed"
    assert end["fraction"] == 1.0
    ended = await curl.http.get(f"{made.base}/jobs/{job}/status")
    assert "Retry-After" not in ended.headers
    assert end["result_url"] == f"/jobs/{job}/result"
    assert end["ended_at"] > end["started_at"] > end["created_at"]
    assert await curl.text(made, job) == "told at start 1"


async def test_a_client_that_knows_tasks_gets_one(shared_replica, http, tmp_path):
    """2026-07-28: a handle at once, then its state, then its result."""
    made = shared_replica(packages=SAMPLE)
    called = await http.post(made.url, **as_task("until_asked", folder=str(tmp_path)))
    created = answer(called)["result"]
    assert created["resultType"] == "task"
    found = created
    while found["status"] == "working":
        # How much, how fast, the tool's own words.
        if re.fullmatch(r"50%, [\d.e-]+/s, half of it", found.get("statusMessage", "")):
            (tmp_path / "end").touch()
        await asyncio.sleep(0.05)
        asked = about_task("tasks/get", created["taskId"])
        found = answer(await http.post(made.url, **asked))["result"]
    assert found["status"] == "completed"
    assert found["result"]["content"][0]["text"] == "told at start 1"


async def test_any_client_has_tools_for_it(shared_replica, http):
    """2025-11-25: submit_job, job_status, job_result."""
    made = shared_replica(packages=SAMPLE)
    asked = {"tool": "work", "arguments": {"seconds": 0.3}}
    submitted = await http.post(
        made.url, **request("tools/call", "legacy", name="submit_job", arguments=asked)
    )
    job = answer(submitted)["result"]["structuredContent"]["job_id"]
    state = "queued"
    while state in ("queued", "running"):
        await asyncio.sleep(0.05)
        found = await http.post(made.url, **call("job_status", "legacy", job_id=job))
        state = answer(found)["result"]["structuredContent"]["state"]
    assert state == "completed"
    assert text(await http.post(made.url, **call("job_result", "legacy", job_id=job))) == (
        "worked 0.3 s"
    )


async def test_a_client_without_tasks_gets_the_result_itself(shared_replica, http):
    """The tool runs in the call, as if it knew nothing of tasks; one that cannot says so."""
    made = shared_replica(packages=SAMPLE)
    assert text(await http.post(made.url, **call("work", seconds=0.05))) == "worked 0.05 s"
    refused = answer(await http.post(made.url, **call("only_in_background")))["error"]
    assert refused["code"] == -32021
    assert refused["data"] == {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}


async def test_a_job_asks_its_user_and_no_worker_waits(replica, curl):
    """It ends, free of any worker, and goes on with the answer."""
    made = replica(packages=SAMPLE, MCP_TASK_CONCURRENCY=1)
    job = await curl.submit(made, "greet", hello="Hi")
    asked = (await curl.until(made, job, "input_required"))["input_requests"]
    # The one place of this worker is free meanwhile.
    assert await curl.text(made, await curl.submit(made, "work", seconds=0.05)) == "worked 0.05 s"
    ((key, one),) = asked.items()
    assert one["params"]["message"] == "Your name?"
    answers = f"{made.base}/jobs/{job}/answers"
    wrong = await curl.http.post(answers, json={key: 12345})
    assert wrong.status_code == 422
    await curl.http.post(answers, json={"another": {"action": "decline"}})
    assert (await curl.status(made, job))["state"] == "input_required"
    given = {key: {"action": "accept", "content": {"name": "Ada"}}}
    assert (await curl.http.post(answers, json=given)).status_code == 202
    assert await curl.text(made, job) == "Hi, Ada! (asked)"


async def test_ask_works_in_a_job_as_in_a_call(shared_replica, curl):
    """One question after the other, each in a round of its own; nobody waits between them."""
    made = shared_replica(packages=SAMPLE)
    job = await curl.submit(made, "order")
    for content in ({"value": "L"}, {"confirm": True}):
        asked = await curl.until(made, job, "input_required", "failed", "completed")
        ((key, one),) = asked["input_requests"].items()
        field = next(iter(one["params"]["requestedSchema"]["properties"]))
        given = {key: {"action": "accept", "content": {field: next(iter(content.values()))}}}
        await curl.http.post(f"{made.base}/jobs/{job}/answers", json=given)
    assert await curl.text(made, job) == "L: True"


async def test_a_job_may_ask_more_often_than_it_may_be_lost(replica, curl):
    """Each round is a start of its own; none of them counts as a worker that was lost."""
    made = replica(packages=SAMPLE, MCP_TASK_ATTEMPTS=1)
    job = await curl.submit(made, "quiz", questions=3)
    for number in range(3):
        found = await curl.until(made, job, "input_required", "failed", "completed")
        ((key, one),) = found["input_requests"].items()
        assert one["params"]["message"] == f"Number {number}?"
        field = next(iter(one["params"]["requestedSchema"]["properties"]))
        given = {key: {"action": "accept", "content": {field: True}}}
        await curl.http.post(f"{made.base}/jobs/{job}/answers", json=given)
    assert await curl.text(made, job) == "3 times yes"


async def test_a_client_is_asked_only_what_it_can_answer(shared_replica, curl, http):
    """One that knows tasks and has no user to ask: the job fails and says what is missing."""
    made = shared_replica(packages=SAMPLE)
    only_tasks = {"io.modelcontextprotocol/clientCapabilities": {"extensions": {EXTENSION: {}}}}
    asked = request("tools/call", name="order", arguments={}, _meta=only_tasks)
    created = answer(await http.post(made.url, **asked))["result"]
    found = await curl.until(made, created["taskId"], "failed", "completed", "input_required")
    assert found["state"] == "failed"
    assert "elicitation" in found["message"]


async def test_a_cancelled_job_stops(shared_replica, curl, tmp_path):
    """The running code hears of it, and what it returns is not kept."""
    made = shared_replica(packages=SAMPLE)
    job = await curl.submit(made, "stubborn", folder=str(tmp_path))
    await there(tmp_path / "begun")
    deleted = await curl.http.delete(f"{made.base}/jobs/{job}")
    assert deleted.json()["state"] == "cancelled"
    await noted(tmp_path, 1)
    assert effects(tmp_path) == ["told to end"]
    assert (await curl.http.delete(f"{made.base}/jobs/{job}")).json()["state"] == "cancelled"


def test_tries_are_further_and_further_apart():
    """1 s, 2 s, 4 s … a minute, each up to a half longer: those that failed together part."""
    pauses = [outcome.pause(tries) for tries in range(1, 9)]
    assert all(min(60, 2**n) <= pause <= 1.5 * min(60, 2**n) for n, pause in enumerate(pauses))
    assert len({outcome.pause(5) for _ in range(20)}) > 1


async def test_an_error_marked_as_retryable_is_tried_again(replica, curl, tmp_path):
    """T8: with pauses, until it works; a job whose tries are used up says its last error."""
    made = replica(packages=SAMPLE, MCP_TASK_ATTEMPTS=3)
    job = await curl.submit(made, "flaky", folder=str(tmp_path), fails=2)
    assert await curl.text(made, job) == "done on try 3"
    other = tmp_path / "other"
    other.mkdir()
    job = await curl.submit(made, "flaky", folder=str(other), fails=9)
    assert await curl.text(made, job) == "busy, try 3"
    assert (await curl.status(made, job))["is_error"]
    assert effects(other) == ["try"] * 3


async def test_what_a_job_logs_is_no_error(shared_replica, curl):
    """T13: `ctx.info` raises in FastMCP's tasks; here it is a line of the log."""
    made = shared_replica(packages=SAMPLE)
    job = await curl.submit(made, "work", seconds=0.05)
    assert await curl.text(made, job) == "worked 0.05 s"
    made.wait_for_log(f"job {job}: done", seconds=SECONDS_TO_SETTLE)


async def test_errors_are_told_as_a_direct_call_tells_them(shared_replica, curl, http):
    """A tool's own error in words, a bug without its details, a protocol error as one."""
    made = shared_replica(packages=SAMPLE)
    job = await curl.submit(made, "broken")
    assert await curl.text(made, job) == "Error calling tool 'broken'"
    created = answer(await http.post(made.url, **as_task("refused")))["result"]
    await curl.until(made, created["taskId"])
    found = answer(await http.post(made.url, **about_task("tasks/get", created["taskId"])))
    assert found["result"]["status"] == "failed"
    assert found["result"]["error"] == {
        "code": -32055,
        "message": "no such dataset",
        "data": {"dataset": "x"},
    }


async def test_a_tool_decides_by_itself_to_go_on_in_the_background(shared_replica, http, curl):
    """Fast: at once. Slow: a task for clients that know tasks, a job's id for others."""
    made = shared_replica(packages=SAMPLE)
    assert text(await http.post(made.url, **call("decide", rows=3))) == "at once"
    reported = answer(await http.post(made.url, **call("decide", rows=30)))["result"]
    assert await curl.text(made, reported["structuredContent"]["job_id"]) == "worked 0.1 s"
    task = answer(await http.post(made.url, **as_task("decide", rows=30)))["result"]
    assert task["resultType"] == "task"
    assert await curl.text(made, task["taskId"]) == "worked 0.1 s"


async def test_docket_is_loaded_with_the_first_job_and_no_sooner(fresh, http, curl):
    """A server that has such tools starts as fast as one without."""
    made = fresh("-m", "lab.serve", *SAMPLE)
    made.wait_until_ready()
    before = (await http.get(f"{made.base}/loaded?names=docket,fastmcp_tasks")).json()
    assert before == []
    await curl.text(made, await curl.submit(made, "work", seconds=0.01))
    after = (await http.get(f"{made.base}/loaded?names=docket,fastmcp_tasks")).json()
    assert after == ["docket", "fastmcp_tasks"]
