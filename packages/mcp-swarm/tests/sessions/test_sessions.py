"""Sessions on any replica: each request of these tests goes to another one than the last."""

import asyncio
import json

import pytest

from lab import mcp_wire
from lab.legacy import SETTINGS, Session, final, past_pings, progress, rest, soon
from lab.mcp_wire import is_error, text, with_headers

pytestmark = pytest.mark.processes


async def test_a_session_is_the_same_on_every_replica(session, replicas):
    """Who the client is and the session's id, as the tool sees them."""
    met = [json.loads(text(await session.call("met"))) for _ in range(4)]
    assert {m["client"] for m in met} == {"by-hand"}
    assert {m["session"] for m in met} == {session.id}
    assert len({m["pid"] for m in met}) == len(replicas)


async def test_state_set_on_one_is_read_on_the_next(session):
    """`ctx.set_state` is the session's, not the process's."""
    assert text(await session.call("note_fact", fact="blue")) == "noted"
    assert [text(await session.call("noted_fact")) for _ in range(2)] == ["blue", "blue"]


async def test_another_session_has_its_own_state(session, http, replicas):
    """Nothing is shared but the server."""
    await session.call("note_fact", fact="blue")
    other = await Session(http, replicas).open()
    assert text(await other.call("noted_fact")) == "None"


async def test_the_log_level_counts_on_every_replica(session):
    """`logging/setLevel` at one, a message below it at each."""
    assert (await session.ask("logging/setLevel", level="error")).status_code == 200
    for _ in range(2):
        response = await session.call("tell", text="quiet")
        assert "notifications/message" not in response.text
    await session.ask("logging/setLevel", level="info")
    for _ in range(2):
        response = await session.call("tell", text="loud")
        assert "loud" in response.text


async def test_one_sessions_log_level_is_not_anothers(session, http, replicas):
    """Both are served by the same processes."""
    await session.ask("logging/setLevel", level="error")
    other = await Session(http, replicas).open()
    assert "loud" in (await other.call("tell", text="loud")).text


async def test_a_quick_call_is_answered_in_json(session):
    """Nothing was said beside it: no stream is needed, and nothing kept.

    On a machine that is busy the first ones may not be quick.
    """
    for _ in range(200):
        response = await session.call("echo", text="x")
        assert text(response) == "x"
        if response.headers["content-type"] == "application/json":
            return
    raise AssertionError("none was answered in JSON")


async def test_progress_comes_before_the_answer_each_with_an_id(session):
    """The stream begins with an event to resume after."""
    async with session.streamed("count", to=3) as stream:
        seen = await rest(stream)
    assert seen[0].message is None
    assert progress(seen) == [1, 2, 3]
    assert final(seen)["result"]["content"][0]["text"] == "counted to 3"
    ids = [event.id for event in seen]
    assert None not in ids
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("version", ["2025-03-26", "2025-06-18"])
async def test_older_clients_get_no_event_that_they_cannot_read(http, replicas, version):
    """Empty data came with 2025-11-25."""
    session = await Session(http, replicas).open(version)
    async with session.streamed("count", to=2) as stream:
        seen = await rest(stream)
    assert all(event.message and event.id for event in seen)


async def test_a_question_is_answered_at_another_replica(session, replicas):
    """The tool waits on one, the user's answer arrives at the other."""
    one, two = replicas
    async with session.streamed("question", one, text="Size?") as stream:
        asked = await soon(stream)
        assert asked.message["method"] == "elicitation/create"
        result = {"action": "accept", "content": {"size": 42}}
        assert (await session.answer(asked.message, result, two)).status_code == 202
        got = final(await rest(stream))
    assert got["result"]["content"][0]["text"] == "accept {'size': 42}"


async def test_the_clients_progress_reaches_the_replica_that_asked(session, replicas, http):
    """Posted to another one; another session's word on it does not count."""
    one, two = replicas
    stranger = await Session(http, replicas).open()
    async with session.streamed("slow_question", one, text="Size?") as stream:
        asked = (await soon(stream)).message
        reported = {"progressToken": asked["params"]["_meta"]["progressToken"], "total": 3}
        await stranger.note("notifications/progress", two, **reported, progress=7)
        for done in (1, 2):
            noted = await session.note("notifications/progress", two, **reported, progress=done)
            assert noted.status_code == 202
        await session.answer(asked, {"action": "decline"}, two)
        got = final(await rest(stream))
    assert got["result"]["content"][0]["text"] == "decline after [1.0, 2.0]"


async def test_a_question_is_answered_once(session, replicas):
    """A second answer, and one to a question that nobody asked, are taken and dropped."""
    one, two = replicas
    async with session.streamed("question", one, text="Size?") as stream:
        asked = await soon(stream)
        for size in (1, 2):
            result = {"action": "accept", "content": {"size": size}}
            assert (await session.answer(asked.message, result, two)).status_code == 202
        got = final(await rest(stream))
    assert got["result"]["content"][0]["text"] == "accept {'size': 1}"
    for stranger in ("7", "nobody-1", asked.message["id"]):
        assert (await session.answer({"id": stranger}, {})).status_code == 202
    assert text(await session.call("echo", text="still here")) == "still here"


async def test_another_session_cannot_answer_a_question(session, http, replicas):
    """Even if it knows the id."""
    other = await Session(http, replicas).open()
    async with session.streamed("question", replicas[0], text="Size?") as stream:
        asked = await soon(stream)
        forged = {"action": "accept", "content": {"size": 666}}
        for made in replicas:
            await other.answer(asked.message, forged, made)
        await session.answer(asked.message, {"action": "decline"}, replicas[1])
        got = final(await rest(stream))
    assert got["result"]["content"][0]["text"] == "decline None"


async def test_a_cancellation_reaches_the_replica_that_runs_the_call(session, replicas):
    """The tool is cancelled; its stream ends without an answer, and cannot be resumed."""
    one, two = replicas
    async with session.streamed("sleep", one, number=7, seconds=61) as stream:
        first = await anext(stream)
        await one.logged("the sleep begins: 61 s")
        await session.note("notifications/cancelled", two, requestId=7)
        assert [event.message for event in await rest(stream) if event.message] == []
    one.wait_for_log("the sleep was cancelled")
    async with session.get(two, after=first.id) as resumed:
        assert resumed.status_code == 400
        assert "has expired" in (await resumed.aread()).decode()


async def test_a_cancellation_is_for_one_session_and_one_request(session, http, replicas):
    """Others with the same request id, and other requests, go on."""
    one, two = replicas
    other = await Session(http, replicas).open()
    async with session.streamed("sleep", one, number=7, seconds=1.5) as stream:
        await other.note("notifications/cancelled", two, requestId=7)
        await session.note("notifications/cancelled", two, requestId=8)
        got = final(await rest(stream))
    assert got["result"]["content"][0]["text"] == "slept 1.5 s"


async def test_a_deleted_session_is_gone_everywhere(session, replicas):
    """Its calls end, its streams end, and it answers 404."""
    one, two = replicas
    async with session.listen(one) as listening, session.streamed("sleep", one, seconds=60) as run:
        await anext(run)
        assert (await session.delete(two)).status_code == 200
        assert final(await rest(run))["error"]["code"] == -32800
        await rest(listening)
    for made in replicas:
        response = await session.call("echo", made, text="x")
        assert response.status_code == 404
        assert response.json()["error"]["message"] == "Session not found"
    assert (await session.delete()).status_code == 404


async def test_two_calls_with_one_request_id_are_both_answered(session, replicas):
    """A client's mistake: each answer goes to the stream of its own call."""
    one, two = replicas
    running = [
        asyncio.create_task(session.call("sleep", made, number=1, seconds=seconds))
        for made, seconds in ((one, 0.6), (two, 0.7))
    ]
    texts = {text(response) for response in await asyncio.gather(*running)}
    assert texts == {"slept 0.6 s", "slept 0.7 s"}


async def test_with_json_answers_what_needs_a_stream_says_so(http, service):
    """MCP_JSON_RESPONSE=true: progress is left out, a question beside the call is refused."""
    replicas = [service(**{**SETTINGS, "MCP_JSON_RESPONSE": "true"}) for _ in range(2)]
    session = await Session(http, replicas).open()
    counted = await session.call("count", to=2)
    assert counted.headers["content-type"] == "application/json"
    assert text(counted) == "counted to 2"
    assert is_error(await session.call("question", text="Size?"))
    slow = await session.call("sleep", seconds=0.6)
    assert slow.headers["content-type"] == "application/json"


async def test_a_request_on_the_sessions_own_stream_is_answered_anywhere(http, service):
    """Three places: the stream at one, the tool at the other, the answer at the first."""
    one, two = [service(**{**SETTINGS, "MCP_JSON_RESPONSE": "true"}) for _ in range(2)]
    session = await Session(http, [one, two]).open()
    async with session.listen(one) as stream:
        running = asyncio.create_task(session.call("roots", two))
        asked = await past_pings(session, stream, one)
        assert asked["method"] == "roots/list"
        await session.answer(asked, {"roots": [{"uri": "file:///a"}]}, one)
        assert text(await running) == "1"


async def test_with_auto_the_client_decides(http, service):
    """MCP_JSON_RESPONSE=auto: one that takes JSON alone gets it, however long the call takes."""
    replicas = [service(**{**SETTINGS, "MCP_JSON_RESPONSE": "auto"}) for _ in range(2)]
    session = await Session(http, replicas).open()
    made = session.made("count", to=8, pause=0.1)
    plain = with_headers(made, Accept="application/json")
    response = await session.post(plain)
    assert response.headers["content-type"] == "application/json"
    assert text(response) == "counted to 8"
    async with session.streamed("count", replicas[0], to=8, pause=0.1) as stream:
        seen = [await anext(stream) for _ in range(3)]
    async with session.listen(replicas[1], after=seen[-1].id) as stream:
        more = await rest(stream)
    assert progress([*seen, *more]) == list(range(1, 9))
    assert final(more)["result"]


async def test_modern_clients_are_served_beside_them(http, replicas):
    """2026-07-28 has no sessions; the same replicas serve it, session id or not."""
    for made in replicas:
        asked = with_headers(mcp_wire.call("echo", text="x"), Mcp_Session_Id="0" * 32)
        assert text(await http.post(made.url, **asked)) == "x"


async def test_with_sessions_in_memory_the_next_replica_knows_nothing(http, replica):
    """The control: what Redis is for."""
    replicas = [replica(**SETTINGS) for _ in range(2)]
    session = Session(http, replicas[:1])
    await session.open()
    assert (await session.call("echo", replicas[0], text="x")).status_code == 200
    assert (await session.call("echo", replicas[1], text="x")).status_code == 404
