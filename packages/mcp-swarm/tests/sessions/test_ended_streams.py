"""Streams of a replica that stops: each ends in order, and goes on at another."""

import asyncio
import signal

from lab.legacy import SETTINGS, Session, final, rest, soon, uri
from lab.slow_redis import by, late


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
    """A call that nobody waits for there goes on in a replica that stops."""
    one, two = [service(**SETTINGS) for _ in range(2)]
    session = await Session(http, [one, two]).open()
    async with session.streamed("use", one, seconds=2) as stream:
        opened = await anext(stream)
    async with session.listen(two, after=opened.id) as stream:
        await one.logged(" 200 POST /mcp tools/call ")  # the request that brought it is over
        assert await asyncio.to_thread(one.stop) == 0
        assert final(await rest(stream))["result"]["content"][0]["text"] == "it is open"


async def test_a_stream_that_ended_in_order_is_not_taken_for_a_cut_one(http, service, valkey):
    """Back at once, the client stays: its reader had left before it saw the end."""
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
