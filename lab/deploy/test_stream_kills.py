"""A GET stream outlives the replicas that serve it, one killed after the other."""

import asyncio
from contextlib import suppress
from pathlib import Path

import mcp_types as types
import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

from lab.swarm.local_cluster import SESSIONS, Here, here
from lab.swarm.survival import sdk

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]


async def heard_over_two_kills(service: Here, last: float = 60) -> list[int]:
    """What a client hears on its GET stream: 0, 1, and 2 after each kill of who serves it.

    It waits `last` seconds for the last one.
    """
    heard: list[int] = []

    async def note(message: types.LoggingMessageNotificationParams) -> None:
        heard.append(int(message.data))

    async with sdk(service.url, "legacy", logging_callback=note) as (client, serving):
        for number in range(3):
            while not await reported(client, number):  # noqa: ASYNC110 - another process is killed
                await asyncio.sleep(0.2)
            with suppress(TimeoutError):
                async with asyncio.timeout(last if number == 2 else 60):
                    while number not in heard:  # noqa: ASYNC110 - a callback tells
                        await asyncio.sleep(0.1)
            if number < 2:
                await asyncio.sleep(2.5)  # a stream that ended in order has been opened again
                await asyncio.to_thread(service.kill, serving.get)
    return heard


async def reported(client: Client, number: int) -> bool:
    """Whether it was said that the message was sent; the kill of a replica may answer otherwise."""
    try:
        return not (await client.call_tool("tell", {"first": number, "last": number})).is_error
    except MCPError:
        return False


async def test_a_get_stream_outlives_the_replicas_that_serve_it(tmp_path: Path) -> None:
    """Also the second, after which the official client would open it no more."""
    with here(tmp_path, **SESSIONS) as service:
        assert await heard_over_two_kills(service) == [0, 1, 2]


async def test_without_an_end_in_order_the_client_hears_nothing_after_the_second(
    tmp_path: Path,
) -> None:
    """The control."""
    with here(tmp_path, without=["forgotten-cuts"], **SESSIONS) as service:
        assert await heard_over_two_kills(service, last=6) == [0, 1]
