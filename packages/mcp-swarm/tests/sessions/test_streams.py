"""Streams of sessions: opened, cut and resumed on any replica, with nothing lost and nothing twice."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from lab.legacy import SETTINGS, Event, Session, final, progress, rest, soon, uri
from lab.mcp_wire import text

pytestmark = pytest.mark.processes


def uris(*numbers):
    return [f"test://{number}" for number in numbers]


async def test_what_any_replica_says_reaches_the_one_stream(session, replicas):
    """In order, each once."""
    one, two = replicas
    async with session.listen(one) as stream:
        for made in (one, two, one):
            await session.call("announce", made, times=2)
        assert [uri(await soon(stream)) for _ in range(6)] == uris(0, 1, 0, 1, 0, 1)


async def test_what_was_said_before_the_stream_opened_is_not_lost(session, replicas):
    """A client opens it a moment after the handshake."""
    await session.call("announce", replicas[1], times=3)
    async with session.listen(replicas[0]) as stream:
        assert [uri(await soon(stream)) for _ in range(3)] == uris(0, 1, 2)


async def test_a_cut_stream_goes_on_elsewhere_after_the_last_event(session, replicas):
    """Last-Event-ID: what came meanwhile, and nothing that the client has."""
    one, two = replicas
    async with session.noticed(one) as stream:
        await session.call("announce", times=2)
        await soon(stream)
        last = await soon(stream)
    await session.call("announce", times=3)
    async with session.listen(two, after=last.id) as stream:
        assert [uri(await soon(stream)) for _ in range(3)] == uris(0, 1, 2)
        await session.call("announce", times=1)
        assert uri(await soon(stream)) == "test://0"


async def test_an_event_that_never_arrived_is_sent_again(session, replicas):
    """The server thought it sent three; the client names the first as its last."""
    one, two = replicas
    async with session.listen(one) as stream:
        await session.call("announce", times=3)
        first = await soon(stream)
        for _ in range(2):
            await soon(stream)
    async with session.listen(two, after=first.id) as stream:
        assert [uri(await soon(stream)) for _ in range(2)] == uris(1, 2)


async def test_a_stream_that_had_no_message_can_be_resumed_too(session, replicas):
    """Its first event has an id and nothing else."""
    one, two = replicas
    async with session.listen(one) as stream:
        opened = await anext(stream)
        assert opened.message is None
    await session.call("announce", times=1)
    async with session.listen(two, after=opened.id) as stream:
        assert uri(await soon(stream)) == "test://0"


async def test_a_new_stream_without_an_id_goes_on_where_the_last_one_was(session, replicas):
    """Nothing twice to a client that forgot."""
    one, two = replicas
    async with session.noticed(one) as stream:
        await session.call("announce", times=1)
        await soon(stream)
    await session.call("announce", times=2)
    async with session.listen(two) as stream:
        assert [uri(await soon(stream)) for _ in range(2)] == uris(0, 1)


async def test_a_second_stream_is_refused_while_the_first_is_open(session, replicas):
    """409 at every replica; the first goes on, and once it closes another may open."""
    one, two = replicas
    async with session.noticed(one) as stream:
        for made in replicas:
            async with session.get(made) as second:
                assert second.status_code == 409
                assert "Last-Event-ID" in (await second.aread()).decode()
        await session.call("announce", times=1)
        assert uri(await soon(stream)) == "test://0"
    async with session.listen(two) as stream:
        await session.call("announce", times=1)
        assert uri(await soon(stream)) == "test://0"


async def test_of_two_streams_opened_at_once_one_is_refused(session, replicas):
    """Redis decides."""
    all_answered = asyncio.Barrier(6)  # nobody leaves before

    async def opened(made):
        async with session.get(made) as response:
            await all_answered.wait()
            return response.status_code

    found = await asyncio.gather(*(opened(made) for made in replicas * 3))
    assert sorted(found) == [200] + [409] * 5


async def test_who_resumes_takes_the_stream_over(session, replicas):
    """The old connection may be half open for minutes: it ends, and gets nothing any more."""
    one, two = replicas
    async with session.listen(one) as old:
        await session.call("announce", times=1)
        last = await soon(old)
        async with session.listen(two, after=last.id) as new:
            assert not [e for e in [*await rest(old), *await rest(new)] if e.message]
        async with session.listen(two, after=last.id) as new:
            assert await anext(new) == Event(last.id, None)  # where to resume, said again
            await session.call("announce", times=2)
            assert [uri(await soon(new)) for _ in range(2)] == uris(0, 1)


async def test_without_that_a_doubled_stream_would_double_events(service, http):
    """The control: with nobody to decide who reads, both get each event."""
    replicas = [service(**SETTINGS, without=["one-reader"]) for _ in range(2)]
    session = await Session(http, replicas).open()
    async with session.listen(replicas[0]) as one, session.listen(replicas[1]) as two:
        await session.call("announce", times=1)
        assert uri(await soon(one)) == uri(await soon(two))


async def test_a_call_goes_on_without_its_client_and_is_resumed_elsewhere(session, replicas):
    """The connection is cut in mid-call: the other replica has the rest, from then on, once."""
    one, two = replicas
    async with session.streamed("count", one, to=8, pause=0.2) as stream:
        seen = [await anext(stream) for _ in range(3)]
    async with session.listen(two, after=seen[-1].id) as stream:
        more = await rest(stream)
    assert progress([*seen, *more]) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert final(more)["result"]["content"][0]["text"] == "counted to 8"


async def test_an_answer_is_kept_for_a_client_that_comes_late(session, replicas):
    """The call ended while nobody listened; and who comes again gets the same."""
    one, two = replicas
    async with session.streamed("count", one, to=3, pause=0.2) as stream:
        first = await anext(stream)
    await asyncio.sleep(1.5)
    for made in (two, one):
        async with session.listen(made, after=first.id) as stream:
            more = await rest(stream)
        assert progress(more) == [1, 2, 3]
        assert final(more)["result"]["content"][0]["text"] == "counted to 3"
    async with session.listen(two, after=more[-1].id) as stream:
        assert await rest(stream) == []


async def test_a_tool_may_close_its_stream_and_the_client_come_back(session, replicas):
    """SEP-1699: polling instead of a connection that is held."""
    async with session.streamed("hang_up", replicas[0]) as stream:
        seen = await rest(stream)
    assert [event.message for event in seen] == [None]
    async with session.listen(replicas[1], after=seen[0].id) as stream:
        more = await rest(stream)
    assert progress(more) == [1]
    assert final(more)["result"]["content"][0]["text"] == "done"


async def test_a_session_cannot_resume_anothers_call(session, http, replicas):
    """Even if it knows the id of the event."""
    other = await Session(http, replicas).open()
    async with session.streamed("count", to=8, pause=0.2) as stream:
        first = await anext(stream)
        async with other.get(after=first.id) as response:
            assert response.status_code == 400
        assert final(await rest(stream))["result"]


@pytest.mark.parametrize("after", ["7", "get", "get.x-1", "../x.1-1", "0123456789abcdef.1-1"])
async def test_an_event_id_that_is_none_of_ours_is_refused(session, after):
    """400 that says what to send; no stream that never ends."""
    async with session.get(after=after) as response:
        assert response.status_code == 400
        assert "Last-Event-ID" in (await response.aread()).decode()


async def test_a_stream_needs_a_client_that_takes_streams(session, http, replicas):
    """406 before anything is opened."""
    response = await http.get(
        replicas[0].url, headers={**session.headers, "Accept": "application/json"}
    )
    assert response.status_code == 406


async def test_a_replica_sends_so_many_streams_and_no_more(http, service):
    """MCP_STREAM_LIMIT is of each replica: 503 and when to come again."""
    one, two = [service(**SETTINGS, MCP_STREAM_LIMIT="1") for _ in range(2)]
    first, second = [await Session(http, [one, two]).open() for _ in range(2)]
    async with first.listen(one):
        async with second.get(one) as refused:
            assert refused.status_code == 503
            assert refused.headers["retry-after"]
        async with second.listen(two):
            pass


async def test_many_streams_need_no_more_connections_to_redis(http, service, valkey):
    """One line and what waits, however many sessions are read."""
    one, two = [service(**SETTINGS) for _ in range(2)]
    with valkey.client() as client:

        def connected():
            return len(client.client_list())

        async with AsyncExitStack() as stack:
            sessions = [await Session(http, [one]).open() for _ in range(60)]
            await sessions[0].call("announce", two, times=1)
            before = connected()
            streams = [await stack.enter_async_context(s.listen(one)) for s in sessions]
            for session in sessions:
                await session.call("announce", two, times=1)
            for stream in streams:
                await soon(stream)
            assert connected() <= before


async def test_a_slow_reader_does_not_hold_up_the_tool(session):
    """The answer of the call that says much does not wait for the stream to be read."""
    async with session.listen():
        assert text(await session.call("announce", times=300)) == "told"
