"""Clients that listen to their jobs instead of polling: `subscriptions/listen` with `taskIds`.

SEP-2663, "Task Status Notifications". The official suite has a scenario for it that asks nothing:
it waits for its own rewrite, and says so.
"""

import signal

import pytest

from lab.jobs.following import created, following, listen, notified_until
from lab.jobs.team import noted
from lab.jobs.wire import OPTED_IN, about_task
from lab.mcp_wire import answer, request


@pytest.fixture
def streaming(team):
    """The team, its answers streamed."""
    team.settings["MCP_JSON_RESPONSE"] = "false"
    return team


async def test_a_client_hears_how_its_task_goes_from_another_replica(streaming, http, tmp_path):
    """Begun on one, followed on the other, run by a worker: nobody polls, and all is told."""
    one, two = streaming.replica(), streaming.replica()
    task = await created(http, one, "until_asked", folder=str(tmp_path))
    async with following(http, two, task) as (honored, messages):
        assert honored == {"taskIds": [task]}
        streaming.worker()
        seen = await notified_until(messages, "working", words="50%")
        (tmp_path / "end").touch()
        seen += await notified_until(messages)
    assert {one["taskId"] for one in seen} == {task}
    assert {one["status"] for one in seen[:-1]} == {"working"}
    # "identical to what tasks/get would have returned at that moment"
    got = answer(await http.post(one.url, **about_task("tasks/get", task)))["result"]
    assert seen[-1] == {
        name: value for name, value in got.items() if name not in ("resultType", "_meta")
    }
    assert seen[-1]["result"]["content"][0]["text"] == "told at start 1"


async def test_who_comes_late_hears_the_end_all_the_same(streaming, http, curl):
    """The task ended before its client listened: the first message tells it."""
    made = streaming.replica()
    streaming.worker()
    task = await created(http, made, "work", seconds=0.05)
    await curl.until(made, task)
    async with following(http, made, task) as (_, messages):
        (only,) = await notified_until(messages)
    assert only["status"] == "completed"


async def test_questions_answers_and_the_end_come_the_same_way(streaming, http):
    """input_required with what is asked; after tasks/update it goes on; null stays null."""
    one, two = streaming.replica(), streaming.replica()
    streaming.worker()
    task = await created(http, one, "greet", hello="Hi")
    async with following(http, two, task) as (_, messages):
        asked = (await notified_until(messages, "input_required"))[-1]["inputRequests"]
        given = {next(iter(asked)): {"action": "accept", "content": {"name": "Ada"}}}
        await http.post(one.url, **about_task("tasks/update", task, inputResponses=given))
        assert (await notified_until(messages))[-1]["result"]["content"][0][
            "text"
        ] == "Hi, Ada! (asked)"


async def test_failure_and_cancellation_are_told(streaming, http):
    """With the error as it was; of two tasks each by its id."""
    made = streaming.replica()
    fails, stops = await created(http, made, "refused"), await created(http, made, "endless")
    async with following(http, made, fails, stops) as (_, messages):
        streaming.worker()
        failed = (await notified_until(messages, "failed"))[-1]
        await http.post(made.url, **about_task("tasks/cancel", stops))
        cancelled = (await notified_until(messages, "cancelled"))[-1]
    assert failed["taskId"] == fails
    assert failed["error"] == {
        "code": -32055,
        "message": "no such dataset",
        "data": {"dataset": "x"},
    }
    assert cancelled["taskId"] == stops


async def test_tasks_of_others_and_clients_without_tasks_are_refused(authed, streaming, a, http):
    """-32021 without the extension (MUST); what is not the caller's is left out like what is not."""
    made = authed.replica()
    theirs = await a.submit(made, "work", seconds=0.1)
    a_too, b = ({"Authorization": f"Bearer token-{who}"} for who in "ab")
    async with following(http, made, theirs, "none", headers=a_too) as (honored, _):
        assert honored == {"taskIds": [theirs]}
    async with following(http, made, theirs, "none", headers=b, toolsListChanged=True) as (mine, _):
        assert mine == {"toolsListChanged": True}
    undeclared = listen(theirs, opted_in=False)
    undeclared["headers"] |= a_too
    refused = answer(await http.post(made.url, **undeclared))["error"]
    assert refused["code"] == -32021
    assert "io.modelcontextprotocol/tasks" in refused["data"]["requiredCapabilities"]["extensions"]
    wrong = request("subscriptions/listen", notifications={"taskIds": [1]}, _meta=OPTED_IN)
    wrong["headers"] |= a_too
    assert answer(await http.post(made.url, **wrong))["error"]["code"] == -32602


async def test_the_end_is_told_even_if_who_wrote_it_died_before_it_could(streaming, http, curl):
    """The task is delivered once more, its end found, and then told."""
    made = streaming.replica()
    task = await created(http, made, "work", seconds=0.2)
    async with following(http, made, task) as (_, messages):
        await notified_until(messages, "working")
        doomed = streaming.worker(without=["job-news"])
        await curl.until(made, task)
        doomed.kill(signal.SIGKILL)
        streaming.worker()
        assert (await notified_until(messages))[-1]["status"] == "completed"


async def test_redis_away_and_back_tells_what_was_missed(streaming, http, valkey, tmp_path):
    """After the gap each task is told as it is, without anyone asking."""
    made = streaming.replica()
    task = await created(http, made, "until_asked", folder=str(tmp_path))
    async with following(http, made, task) as (_, messages):
        streaming.worker()
        await noted(tmp_path, 1)
        valkey.kill()
        (tmp_path / "end").touch()
        await noted(tmp_path, 2)
        valkey.start()
        assert (await notified_until(messages))[-1]["status"] == "completed"
