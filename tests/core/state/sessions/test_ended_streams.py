"""Streams of a replica that stops: each ends in order, and goes on at another."""

import asyncio
import signal
from contextlib import asynccontextmanager, suppress

from tests.core.legacy import SETTINGS, Session, final, rest, soon


def uri(event):
    return event.message["params"]["uri"]


@asynccontextmanager
async def late(port, seconds):
    """A port by which what is asked of that one arrives so much later."""
    served = []

    async def pass_on(reader, writer, wait):
        with suppress(OSError):
            while data := await reader.read(65536):
                await asyncio.sleep(wait)
                writer.write(data)
        writer.close()

    async def serve(reader, writer):
        served.append(asyncio.current_task())
        beyond, there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pass_on(reader, there, seconds), pass_on(beyond, writer, 0))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*served)


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


async def test_a_stream_that_ended_in_order_is_not_taken_for_a_cut_one(http, service, valkey):
    """Back at once, the client stays: its reader had left before it saw the end."""
    async with late(valkey.port, 0.1) as port:
        url = valkey.url.replace(f":{valkey.port}", f":{port}")
        two = service(**SETTINGS)
        one = await asyncio.to_thread(service, **SETTINGS, REDIS_URL=url)
        session = await Session(http, [two]).open()
        async with session.listen(one) as listening:
            opened = await anext(listening)
            one.kill(signal.SIGTERM)
            assert await rest(listening) == []
        async with session.listen(two, after=opened.id) as again:
            await session.call("announce", two, times=1)
            assert uri(await soon(again)) == "test://0"
        assert await asyncio.to_thread(one.wait) == 0
