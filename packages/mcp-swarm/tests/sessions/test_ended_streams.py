"""A stream ends in order, with its final frame, when its replica stops or was killed before.

The Python SDK up to 1.30 tries twice to resume a stream, and counts errors and cuts together. An end in
order resets its count. So neither a killed replica nor an outage uses up its attempts.
"""

import asyncio
import signal
import time

import httpx2
import pytest

from lab.legacy import SETTINGS, Session, final, progress, rest, soon, uri
from lab.mcp_wire import text
from lab.slow_redis import by, late

pytestmark = pytest.mark.processes

OLDER = "2025-06-18"  # its clients cannot resume a stream that has said nothing


async def test_an_answer_to_a_client_that_cannot_resume_is_not_begun_early(http, replicas):
    """A call without messages is answered in JSON. Until then the balancer can answer for a lost replica."""
    session = await Session(http, replicas).open(OLDER)
    response = await session.call("sleep", seconds=1)
    assert response.headers["content-type"] == "application/json"
    assert text(response) == "slept 1 s"


async def test_what_such_a_client_is_told_in_the_first_seconds_comes_with_the_answer(
    http, replicas
):
    """Messages of the first 5 s come with the answer; those of a longer call come as they are sent."""
    session = await Session(http, replicas).open(OLDER)
    began = time.monotonic()
    async with session.streamed("count", to=3, pause=0.5) as stream:
        assert time.monotonic() - began > 1
        seen = await rest(stream)
    assert progress(seen) == [1, 2, 3]
    assert final(seen)["result"]
    async with session.streamed("count", to=4, pause=2) as stream:
        assert progress([await anext(stream)]) == [1]
        assert 4 < time.monotonic() - began < 9
        assert final(await rest(stream))["result"]


async def test_much_is_not_held_back(http, replicas):
    """A stream with more messages than are held back begins at once, and all of them arrive."""
    session = await Session(http, replicas).open(OLDER)
    async with session.streamed("count", to=1500, pause=0.0) as stream:
        seen = await rest(stream)
    assert progress(seen) == list(range(1, 1501))
    assert final(seen)["result"]


async def test_a_client_that_can_resume_gets_a_stream_soon(session):
    """The first event is the id to resume after; the answer follows."""
    async with session.streamed("sleep", seconds=1) as stream:
        assert (await anext(stream)).message is None
        assert final(await rest(stream))["result"]


@pytest.fixture
async def cut(http, service):
    """A session, the id of an event of its running call, and a replica to resume that stream on.

    A first replica runs the call. A second one sent its resumed stream, and was killed.
    """
    runs, killed, left = [service(**SETTINGS) for _ in range(3)]
    session = await Session(http, [runs]).open()
    async with session.streamed("sleep", runs, seconds=8) as stream:
        first = await anext(stream)
    with pytest.raises(httpx2.TransportError):
        async with session.listen(killed, after=first.id) as stream:
            await anext(stream)
            killed.kill(signal.SIGKILL)
            await rest(stream)
    return session, first.id, left


async def test_a_resumed_stream_that_was_cut_ends_once_in_order(cut):
    """The end resets the client's count. It repeats the id, which the TypeScript SDK would forget."""
    session, after, left = cut
    async with session.listen(left, after=after) as stream:
        seen = await rest(stream, seconds=4)
    assert [(event.id, event.message) for event in seen] == [(after, None)]
    async with session.listen(left, after=after) as stream:
        assert final(await rest(stream))["result"]["content"][0]["text"] == "slept 8 s"


async def test_a_first_resumption_is_not_cut_short(session, replicas):
    """Nothing was cut yet, so the stream stays open until the answer."""
    one, two = replicas
    async with session.streamed("sleep", one, seconds=2) as stream:
        first = await anext(stream)
    async with session.listen(two, after=first.id) as stream:
        assert final(await rest(stream))["result"]


async def test_who_cannot_resume_now_is_asked_to_come_again(http, service):
    """The stream ends in order, with the id to resume after, and the time to wait."""
    one, two = [service(**SETTINGS, MCP_STREAM_LIMIT="1") for _ in range(2)]
    session, other = [await Session(http, [one, two]).open() for _ in range(2)]
    async with session.streamed("sleep", one, seconds=3) as stream:
        first = await anext(stream)
    async with other.listen(two), session.get(two, after=first.id) as waiting:
        assert waiting.status_code == 200
        assert (
            await waiting.aread()
        ).decode() == f"id: {first.id}\r\nretry: 30000\r\ndata: \r\n\r\n"
    async with session.listen(one, after=first.id) as stream:
        assert final(await rest(stream))["result"]


async def test_an_outage_of_redis_uses_up_no_attempt(http, service, valkey):
    """The call continues. A client that resumes during the outage is asked to try again."""
    session = await Session(http, [service(**SETTINGS)]).open()
    async with session.streamed("sleep", seconds=4) as stream:
        first = await anext(stream)
    valkey.pause()
    try:
        async with session.get(after=first.id) as waiting:
            assert waiting.status_code == 200
            assert f"id: {first.id}" in (await waiting.aread()).decode()
    finally:
        valkey.resume()
    async with asyncio.timeout(30):
        while not (answered := await resumed(session, first.id)):
            pass
    assert final(answered)["result"]


async def resumed(session, after):
    """The messages of a stream that is resumed once."""
    async with session.listen(after=after) as stream:
        return [event for event in await rest(stream) if event.message]


async def test_a_stopping_replica_ends_its_streams_and_they_go_on_elsewhere(http, service):
    """SIGTERM: no stream is cut, the call in flight is answered, the process ends with 0."""
    one, two = [service(**SETTINGS) for _ in range(2)]
    session = await Session(http, [one, two]).open()
    async with session.listen(one) as listening, session.streamed("sleep", one, seconds=1) as run:
        opened = await anext(listening)
        await anext(run)
        one.kill(signal.SIGTERM)
        assert await rest(listening) == []
        async with session.listen(two, after=opened.id) as again:
            await session.call("announce", two, times=1)
            assert uri(await soon(again)) == "test://0"
        assert final(await rest(run))["result"]["content"][0]["text"] == "slept 1 s"
    assert one.wait() == 0
    assert "Traceback" not in one.log


async def test_a_stopping_replica_finishes_calls_whose_client_is_away(http, service):
    """Their answers are kept before it ends."""
    one, two = [service(**SETTINGS) for _ in range(2)]
    session = await Session(http, [one, two]).open()
    async with session.streamed("sleep", one, seconds=2) as stream:
        opened = await anext(stream)
    assert one.stop() == 0
    async with session.listen(two, after=opened.id) as stream:
        assert final(await rest(stream))["result"]["content"][0]["text"] == "slept 2 s"


async def test_what_tools_share_is_open_until_the_last_call_has_ended(http, service):
    """A stopping replica runs a call to its end, although its client resumed on another one."""
    one, two = [service(**SETTINGS) for _ in range(2)]
    session = await Session(http, [one, two]).open()
    async with session.streamed("use", one, seconds=2) as stream:
        opened = await anext(stream)
    async with session.listen(two, after=opened.id) as stream:
        await one.logged(" 200 POST /mcp tools/call ")  # the request that brought it is over
        assert await asyncio.to_thread(one.stop) == 0
        assert final(await rest(stream))["result"]["content"][0]["text"] == "it is open"


async def test_a_stream_that_ended_in_order_is_not_taken_for_a_cut_one(http, service, valkey):
    """A replica removes its reader record before it ends the stream, so a client may resume at once."""
    async with late(valkey.port, 0.1) as port:
        two = service(**SETTINGS)
        one = await asyncio.to_thread(service, **SETTINGS, **by(valkey, port))
        session = await Session(http, [two]).open()
        async with session.listen(one) as listening:
            opened = await anext(listening)
            one.kill(signal.SIGTERM)
            assert await rest(listening) == []
        async with session.listen(two, after=opened.id) as again:
            await session.call("announce", two, times=1)
            assert uri(await soon(again)) == "test://0"
        assert await asyncio.to_thread(one.wait) == 0


async def test_a_question_is_not_held_back(http, replicas):
    """The client gets it at once, because the call waits for its answer."""
    session = await Session(http, replicas).open(OLDER)
    began = time.monotonic()
    async with session.streamed("question", replicas[0], text="Size?") as stream:
        asked = await soon(stream)
        assert time.monotonic() - began < 4
        await session.answer(asked.message, {"action": "decline"}, replicas[1])
        assert final(await rest(stream))["result"]
