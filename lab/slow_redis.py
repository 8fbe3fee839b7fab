"""Ports by which Redis is far away: what is asked of it arrives late, or its answer is lost.

Start a replica on one in a thread: the port is served by the test's own event loop.
"""

import asyncio
from contextlib import asynccontextmanager, suppress


def by(valkey, port):
    """The setting of a replica that reaches `valkey` by that port."""
    return {"REDIS_URL": valkey.url.replace(f":{valkey.port}", f":{port}")}


@asynccontextmanager
async def between(port, passed):
    """A port; `passed` gets each connection to it, and the one beyond to `port`, as pairs."""
    served = []

    async def serve(reader, writer):
        served.append(asyncio.current_task())
        beyond, there = await asyncio.open_connection("127.0.0.1", port)
        await passed((reader, writer), (beyond, there))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*served)


async def pass_on(reader, writer, let):
    """What is read, part by part, for which `let` waits, and of which it says whether it goes on."""
    with suppress(OSError):
        while (data := await reader.read(65536)) and await let(data):
            writer.write(data)
    writer.close()


@asynccontextmanager
async def late(port, seconds):
    """A port by which what is asked of that one arrives so much later."""

    async def later(data):
        await asyncio.sleep(seconds)
        return True

    async def at_once(data):
        return True

    async def passed(here, beyond):
        await asyncio.gather(
            pass_on(here[0], beyond[1], later), pass_on(beyond[0], here[1], at_once)
        )

    async with between(port, passed) as made:
        yield made


@asynccontextmanager
async def losing(valkey, script, saying=b""):
    """A port by which an answer is lost, its connection with it: of the first `script` that says so."""
    with valkey.client() as client:
        client.script_load(script.text)  # else what is lost is that it has to be sent first
    is_lost = asyncio.Event()

    async def passed(here, beyond):
        is_here = False

        async def asked(data):
            nonlocal is_here
            is_meant = script.digest.encode() in data and saying in data
            if is_meant and not is_lost.is_set():
                is_here = True
                is_lost.set()
            return True

        async def answered(data):
            return not is_here

        await asyncio.gather(
            pass_on(here[0], beyond[1], asked), pass_on(beyond[0], here[1], answered)
        )

    async with between(valkey.port, passed) as made:
        yield made
        assert is_lost.is_set()
