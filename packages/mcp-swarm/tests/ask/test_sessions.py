"""`ask` in sessions over replicas: asked by one, answered at the next, whichever that is."""

import asyncio

import pytest

from lab.legacy import Session, final, past_pings, rest, serving, soon
from lab.mcp_wire import answer

pytestmark = pytest.mark.processes

ASKING = ("lab.sample.asking",)
ANSWERS = [
    ("Which size of hat?", {"width": 3}),
    ("Which colour?", {"name": "red"}),
    ("Order hat of 3 cm?", {"value": True}),
]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two replicas that share sessions and stream."""
    with serving(tmp_path_factory.mktemp("streaming"), packages=ASKING) as replicas:
        yield replicas


@pytest.fixture(scope="module")
def in_json(tmp_path_factory):
    """Two that share sessions and answer in JSON only."""
    folder = tmp_path_factory.mktemp("json")
    with serving(folder, packages=ASKING, MCP_JSON_RESPONSE="true") as replicas:
        yield replicas


async def test_each_answer_arrives_at_another_replica_than_the_last(http, two):
    """Three questions of one body: the requests go strictly in turn, the body runs once."""
    session = await Session(http, two).open()
    before = [made.log.count("order runs") for made in two]
    async with session.streamed("order", what="hat") as events:
        for message, content in ANSWERS:
            question = (await soon(events)).message
            assert question["params"]["message"] == message
            taken = await session.answer(question, {"action": "accept", "content": content})
            assert taken.status_code == 202
        result = final(await rest(events))["result"]
    assert result["content"][0]["text"] == "hat, 3 cm, red"
    runs = [made.log.count("order runs") - was for made, was in zip(two, before, strict=True)]
    assert sorted(runs) == [0, 1]


async def test_with_json_answers_the_question_comes_over_the_get_stream(http, in_json):
    """The stream is held by one replica, the call runs on the other, the ping goes first."""
    session = await Session(http, in_json).open()
    async with session.listen(in_json[0]) as events:
        calling = asyncio.create_task(session.call("pay", in_json[1]))
        asked = await past_pings(session, events)
        assert asked["method"] == "elicitation/create"
        await session.answer(asked, {"action": "accept", "content": {"value": True}})
        response = await calling
    assert answer(response)["result"]["content"][0]["text"] == "paid 10"


async def test_with_json_answers_and_no_get_stream_the_error_names_the_setting(http, in_json):
    """On any replica; nobody hears the pings."""
    session = await Session(http, in_json).open()
    result = answer(await session.call("pay"))["result"]
    assert result["isError"] is True
    assert "MCP_JSON_RESPONSE=auto" in result["content"][0]["text"]


async def test_a_question_that_nobody_answers_ends_by_its_limit(http, tmp_path):
    """MCP_ASK_TIMEOUT holds over replicas too."""
    with serving(tmp_path, packages=ASKING, MCP_ASK_TIMEOUT="1") as replicas:
        session = await Session(http, replicas).open()
        async with session.streamed("pay") as events:
            found = [event.message for event in await rest(events) if event.message]
    *before, result = found
    assert [m["method"] for m in before] == ["elicitation/create", "notifications/cancelled"]
    assert "(MCP_ASK_TIMEOUT)" in result["result"]["content"][0]["text"]


async def test_time_stands_still_while_a_person_thinks_at_another_replica(http, tmp_path):
    """The answer comes after MCP_CALL_TIMEOUT, by the other replica, and the call goes on."""
    with serving(tmp_path, packages=ASKING, MCP_CALL_TIMEOUT="2") as replicas:
        session = await Session(http, replicas).open()
        async with session.streamed("pay") as events:
            question = (await soon(events)).message
            await asyncio.sleep(3)
            await session.answer(question, {"action": "decline"})
            assert final(await rest(events))["result"]["content"][0]["text"] == "kept"
