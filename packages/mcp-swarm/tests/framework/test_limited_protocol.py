"""A replica without a balancer: what one connection, or many of them, can take from it."""

import asyncio
import inspect
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from uvicorn.protocols.http import httptools_impl

from lab.mcp_wire import call, text
from mcp_swarm.framework.limited_protocol import LINGER, MAX_HEAD, SECONDS

pytestmark = pytest.mark.timeout(120)
START = b"GET /version HTTP/1.1\r\nHost: localhost\r\n"


def test_uvicorn_has_the_parts_that_are_replaced():
    """An upgrade that moves one is named here."""
    made = httptools_impl.HttpToolsProtocol
    for name in ("connection_made", "connection_lost", "data_received", "on_response_complete"):
        assert callable(getattr(made, name)), name
    assert httptools_impl.STATUS_LINE[431].startswith(b"HTTP/1.1 431 ")
    source = inspect.getsource(made)
    for name in ("self.cycle.response_complete", "self.connections.add", "self.loop"):
        assert name in source


async def connect(made, start=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
    writer.write(start)
    return reader, writer


async def dribbled(made, start, drop, seconds=SECONDS + 8):
    """What comes back while a byte is sent twice a second, and after how long; b"" if cut."""
    reader, writer = await connect(made, start)
    answer, began = asyncio.create_task(reader.read()), time.monotonic()
    try:
        while not answer.done() and time.monotonic() - began < seconds:
            writer.write(drop)
            await asyncio.wait({answer}, timeout=0.5)
        assert answer.done(), "still open"
        return await answer, time.monotonic() - began
    finally:
        writer.close()


async def test_a_head_that_does_not_come_in_time_is_408(replica):
    """A request line, a header, and nothing at all; the same on a connection that was used."""
    made = replica()
    used = START + b"\r\n"
    found = await asyncio.gather(
        dribbled(made, b"GET /ver", b"s"),
        dribbled(made, START + b"X-Slow: ", b"y"),
        dribbled(made, b"", b""),
        dribbled(made, b"\r\n", b"\r\n"),
        dribbled(made, used + b"GET /v", b"s"),
    )
    for reported, seconds in found:
        assert b"HTTP/1.1 408 " in reported
        assert b"application/problem+json" in reported
        assert SECONDS - 1 < seconds < SECONDS + 7
    assert found[-1][0].startswith(b"HTTP/1.1 200 ")


async def test_without_the_time_limit_it_is_awaited(replica):
    """The control."""
    with pytest.raises(AssertionError, match="still open"):
        await dribbled(replica(without=["head-time"]), b"GET /ver", b"s", SECONDS + 2)


async def headers(made, size):
    """The status that one header of `size` bytes gets; 0 if the connection is just cut."""
    reader, writer = await connect(made, START + b"X-Large: ")
    try:
        for _ in range(size // 50_000):
            writer.write(b"x" * 50_000)
            await asyncio.wait_for(writer.drain(), 10)
        writer.write(b"\r\n\r\n")
        line = await asyncio.wait_for(reader.readline(), 30)
        return int(line.split()[1]) if line else 0
    except ConnectionError:
        return 0
    finally:
        writer.close()


def memory(made):
    """Megabytes that it has in use."""
    statm = Path(f"/proc/{made.process.pid}/statm").read_text()
    return int(statm.split()[1]) * 4096 / 1e6


async def test_large_headers_are_refused_as_they_come(replica, http):
    """The limit passes, more does not, and far more is not kept."""
    made = replica()
    assert await headers(made, 50_000) == 200
    assert await headers(made, 4 * MAX_HEAD) in (431, 0)
    before = memory(made)
    await asyncio.gather(*(headers(made, 40_000_000) for _ in range(4)))
    assert memory(made) - before < 20
    assert text(await http.post(made.url, **call("echo", text="x"))) == "x"


async def test_without_the_limit_they_are_kept(replica):
    """The control."""
    made = replica(without=["head-limit"])
    assert await headers(made, 20_000_000) == 200


async def test_a_body_whose_answer_was_sent_before_its_end_is_not_awaited(replica):
    """It is thrown away for a moment, then the connection is closed."""
    made = replica(AUTH_ENABLED="true", AUTH_TOKEN="t" * 20)
    start = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\n"
    reported, seconds = await dribbled(made, start, b"x")
    assert reported.startswith(b"HTTP/1.1 401 ")
    assert seconds < LINGER + 5


async def test_a_kept_connection_may_be_idle_for_longer(replica):
    """The balancer keeps them for 65 s."""
    made = replica()
    reader, writer = await connect(made, START + b"\r\n")
    assert b" 200 " in await reader.readline()
    await reader.readuntil(b"}")
    await asyncio.sleep(SECONDS + 2)
    writer.write(START + b"\r\n")
    assert b" 200 " in await reader.readline()
    writer.close()


async def test_a_slow_call_and_a_stream_are_no_slow_requests(replica, http):
    """Their requests were there at once; they may last."""
    made = replica()
    response = await http.post(made.url, **call("sleep", seconds=SECONDS + 2))
    assert response.status_code == 200


async def test_a_replica_has_so_many_connections_and_no_more(replica):
    """One more gets an error; when some have left, the next is served."""
    made = replica(without=["connections"])  # 20, in place of thousands
    async with AsyncExitStack() as stack:
        for _ in range(20):
            _, writer = await connect(made)
            stack.callback(writer.close)
        await asyncio.sleep(0.2)
        reader, writer = await connect(made, START + b"\r\n")
        stack.callback(writer.close)
        assert b" 503 " in await reader.readline()
    await asyncio.sleep(0.2)
    reader, writer = await connect(made, START + b"\r\n")
    assert b" 200 " in await reader.readline()
    writer.close()
