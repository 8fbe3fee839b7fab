"""The official client, unmodified, through the project's balancer: every request elsewhere."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError

from lab.conformance.balancer import balancer
from lab.legacy import SETTINGS, until

URI = "sample://greeting"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def replicas(service):
    """Three replicas that share sessions."""
    return [service(**SETTINGS, MCP_REPLICA=f"replica-{number}") for number in range(3)]


@pytest.fixture
def lb(tmp_path, replicas):
    """The balancer before them, by turns."""
    with balancer(tmp_path, replicas) as started:
        yield started


@asynccontextmanager
async def connected(lb, **callbacks: Any) -> AsyncIterator[Any]:
    """A client of 2025-11-25."""
    async with Client(
        streamable_http_client(lb.url), mode="legacy", read_timeout_seconds=50, **callbacks
    ) as client:
        assert client.protocol_version == "2025-11-25"
        yield client


def text(result):
    return result.content[0].text


async def test_all_that_a_session_gives_over_changing_replicas(lb, http):
    """State, progress, log messages, questions, roots and changes, with one client."""
    logs, changes, steps = [], [], []

    async def log(params):
        logs.append(params.data)

    async def changed(message):
        changes.append(message)

    async def size(context, params):
        return types.ElicitResult(action="accept", content={"size": 42})

    async def listed(context):
        return types.ListRootsResult(roots=[])

    async def step(done, total, message):
        steps.append(done)

    async with connected(
        lb,
        logging_callback=log,
        message_handler=changed,
        elicitation_callback=size,
        list_roots_callback=listed,
    ) as client:
        await client.call_tool("note_fact", {"fact": "blue"})
        assert [text(await client.call_tool("noted_fact", {})) for _ in range(3)] == ["blue"] * 3
        counted = await client.call_tool("count", {"to": 3}, progress_callback=step)
        assert text(counted) == "counted to 3"
        assert await until(lambda: steps == [1, 2, 3])
        asked = await client.call_tool("question", {"text": "Size?"})
        assert text(asked) == "accept {'size': 42}"
        assert text(await client.call_tool("roots", {})) == "0"
        await client.call_tool("tell", {"text": "hello"})
        assert await until(lambda: "hello" in str(logs))
        with pytest.warns(MCPDeprecationWarning):  # 2026-07-28 has another way
            await client.subscribe_resource(URI)
        for _ in range(3):
            await client.call_tool("touch", {"uri": URI})
        assert await until(lambda: len(updated(changes)) >= 3)
        await asyncio.sleep(1)
        assert updated(changes) == [URI] * 3
    assert min(lb.served()) > 3


def updated(changes):
    """URIs of the resources that were told to have changed."""
    kind = types.ResourceUpdatedNotification
    return [str(change.params.uri) for change in changes if isinstance(change, kind)]


async def killed_in_mid_call(client, replicas, tool, mark):
    """The client's outcome when the replica that runs its call gets SIGKILL.

    The call is stuck there, so that it cannot be done before.
    """
    heard = asyncio.Event()

    async def step(done, total, message):
        heard.set()

    made = {"path": str(mark), "steps": 6, "stuck_after": 2}
    calling = asyncio.create_task(client.call_tool(tool, made, progress_callback=step))
    await heard.wait()  # the stream has begun, and the client has something to resume after
    victim = next(made for made in replicas if running(made, mark))
    victim.kill(signal.SIGKILL)
    return await calling


def running(made, mark):
    """Whether this replica runs the tool: it said so in its mark."""
    return mark.exists() and str(made.process.pid) in mark.read_text().split()


async def test_a_reading_call_survives_its_replica(lb, replicas, tmp_path):
    """The client gets the answer without knowing that anything happened."""
    async with connected(lb) as client:
        await client.call_tool("note_fact", {"fact": "blue"})
        result = await killed_in_mid_call(client, replicas, "slow_read", tmp_path / "mark")
        assert text(result).startswith("done by")
        assert text(await client.call_tool("noted_fact", {})) == "blue"


async def test_a_writing_call_ends_with_a_clear_error_and_the_session_goes_on(
    lb, replicas, tmp_path
):
    """It ran once; the client decides what to do."""
    mark = tmp_path / "mark"
    async with connected(lb) as client:
        await client.call_tool("note_fact", {"fact": "blue"})
        with pytest.raises(MCPError, match="lost before it answered"):
            await killed_in_mid_call(client, replicas, "slow_write", mark)
        assert len(mark.read_text().split()) == 1
        assert text(await client.call_tool("noted_fact", {})) == "blue"
