"""Streamed answers: progress is requested, read, checked and timed."""

import json

import pytest

from mcp_swarm_load.testing.behaviours import StreamServer, header
from mcp_swarm_load.testing.runs import load
from mcp_swarm_load.testing.target import Target
from mcp_swarm_load.traffic.calls import Features


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_progress_is_read_and_first_and_last_byte_are_timed(era):
    """Four pauses of 50 ms: the first event comes after one, the answer after four."""
    async with Target(script=StreamServer(steps=3, pause=0.05)).serving() as target:
        run = await load(target, era=era, calls=20, workers=5, features=Features(progress=True))

    assert run["errors"] == []
    flow = run["flow"]
    assert (flow["streams"], flow["progress"]) == (20, 60)
    assert 50 <= flow["stream_first_event_ms"]["min"] < 150
    assert 200 <= flow["stream_last_byte_ms"]["min"] < 400
    assert (
        run["latency_ms"]["to_first_byte"]["min"]
        < 50
        < 200
        <= run["latency_ms"]["since_sent"]["min"]
    )
    sent = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in target.requests]
    assert all(each["params"]["_meta"]["progressToken"] == each["id"] for each in sent)


@pytest.mark.parametrize(
    ("streamer", "said"),
    [
        (StreamServer(token="another"), "the stream has progress of another request"),
        (StreamServer(falls=True), "progress does not grow"),
    ],
)
async def test_wrong_progress_is_a_failure(streamer, said):
    async with Target(script=streamer).serving() as target:
        run = await load(target, calls=4, workers=2, features=Features(progress=True))

    assert [(group["count"], group["text"]) for group in run["errors"]] == [(4, said)]


@pytest.mark.parametrize(
    ("json_only", "accepted"),
    [(False, "application/json, text/event-stream"), (True, "application/json")],
)
async def test_accept_chooses_the_content_type(json_only, accepted):
    async with Target().serving() as target:
        await load(target, calls=1, workers=1, features=Features(json_only=json_only))

    assert header(target.requests[0], "Accept") == accepted


async def test_answers_that_are_not_streamed_are_not_counted_as_streams():
    async with Target(fault=lambda n: "events" if n % 4 == 0 else "").serving() as target:
        run = await load(target, calls=20, workers=1)

    assert (run["flow"]["streams"], run["totals"]["right"]) == (5, 20)
