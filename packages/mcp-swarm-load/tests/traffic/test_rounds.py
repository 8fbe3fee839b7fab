"""Calls of 2026-07-28 with several requests: input rounds and long tasks."""

import pytest

from mcp_swarm_load.testing.behaviours import InputRequester, TaskServer
from mcp_swarm_load.testing.runs import load
from mcp_swarm_load.testing.target import Target
from mcp_swarm_load.traffic.calls import Features
from mcp_swarm_load.traffic.rounds import MAX_ROUNDS


async def test_input_rounds_are_answered_and_count_as_one_call():
    asker = InputRequester(rounds=2)
    async with Target(script=asker).serving() as target:
        run = await load(target, calls=10, workers=2, tool="t", features=Features(answers={}))

    assert (run["totals"]["right"], run["totals"]["made"], run["errors"]) == (10, 10, [])
    assert run["flow"]["rounds"] == 20
    assert len(target.requests) == run["replicas"][0]["calls"] == 30
    assert asker.replies[0] == {
        "sure": {"action": "accept", "content": {"ok": False}},
        "say": {
            "role": "assistant",
            "content": {"type": "text", "text": "ok"},
            "model": "none",
            "stopReason": "endTurn",
        },
        "where": {"roots": []},
    }
    assert asker.capabilities[0].keys() == {"elicitation", "sampling", "roots"}
    assert run["latency_ms"]["since_sent"]["min"] >= 40, "two waits of 20 ms are in one call"


async def test_answers_can_be_given_by_name():
    asker = InputRequester(rounds=1)
    answers = {"sure": {"ok": True}, "where": [{"uri": "file:///a"}]}
    async with Target(script=asker).serving() as target:
        await load(target, calls=1, workers=1, tool="t", features=Features(answers=answers))

    assert asker.replies[0]["sure"] == {"action": "accept", "content": {"ok": True}}
    assert asker.replies[0]["where"] == {"roots": [{"uri": "file:///a"}]}


async def test_endless_input_rounds_are_a_failure():
    async with Target(script=InputRequester(rounds=1_000)).serving() as target:
        run = await load(target, calls=1, workers=1, tool="t", features=Features(answers={}))

    assert run["errors"][0]["text"] == f"more than {MAX_ROUNDS} input rounds"
    assert len(target.requests) == 1 + MAX_ROUNDS


async def test_without_answers_an_input_request_is_a_failure_and_no_capability_is_declared():
    asker = InputRequester()
    async with Target(script=asker).serving() as target:
        run = await load(target, calls=3, workers=1, tool="t")

    assert run["errors"][0]["text"] == "answer is not complete: resultType 'input_required'"
    assert asker.capabilities == [{}] * 3


async def test_a_task_is_polled_at_the_server_s_interval_until_it_ends():
    tasks = TaskServer(polls=4, interval=30)
    async with Target(script=tasks).serving() as target:
        run = await load(target, calls=6, workers=3, tool="t", features=Features(tasks=True))

    assert (run["totals"]["right"], run["errors"]) == (6, [])
    flow = run["flow"]
    assert (flow["tasks_started"], flow["tasks_completed"], flow["task_polls"]) == (6, 6, 24)
    assert set(tasks.seen.values()) == {4}
    assert tasks.named == set(tasks.seen), "Mcp-Name is the task's id (SEP-2663)"
    assert run["latency_ms"]["since_sent"]["min"] >= 4 * 30
    assert run["latency_ms"]["to_first_byte"]["min"] < 4 * 30


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ("failed", "task failed: JSON-RPC error -32603: the worker died"),
        ("cancelled", "the task was cancelled"),
    ],
)
async def test_a_task_that_does_not_complete_is_a_failure(ends, said):
    async with Target(script=TaskServer(polls=1, ends=ends)).serving() as target:
        run = await load(target, calls=2, workers=1, tool="t", features=Features(tasks=True))

    assert [(group["count"], group["text"]) for group in run["errors"]] == [(2, said)]
    assert (run["flow"]["tasks_started"], run["flow"]["tasks_completed"]) == (2, 0)


async def test_a_task_that_requests_input_is_answered():
    tasks = TaskServer(polls=3, asks=True)
    async with Target(script=tasks).serving() as target:
        run = await load(target, calls=1, workers=1, tool="t", features=Features(tasks=True))

    assert run["totals"]["right"] == 1
    assert tasks.updates == [{"where": {"roots": []}}]


async def test_an_unrequested_task_is_a_failure():
    async with Target(script=TaskServer()).serving() as target:
        run = await load(target, calls=1, workers=1, tool="t")

    assert run["errors"][0]["text"] == "answer is not complete: resultType 'task'"
