"""What a stream of events keeps of the request that opened it: little, whatever the request held."""

import re
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from lab.mcp_wire import answer, request, stream

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

STREAMS = 64


def resident(made):
    """Kilobytes that the replica holds in memory."""
    status = Path(f"/proc/{made.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def listen(lists):
    """A request with so many empty lists in its `_meta`, each of takes 56 bytes in Python."""
    asked = request("subscriptions/listen", notifications={"toolsListChanged": True})
    asked["json"]["params"]["_meta"]["x"] = [[]] * lists
    return asked


async def grown(http, made, lists):
    """Kilobytes that so many streams take, and how many of them were opened."""
    before = resident(made)
    async with AsyncExitStack() as stack:
        opened = 0
        for _ in range(STREAMS):
            asking = http.stream("POST", made.url, **listen(lists))
            response = await stack.enter_async_context(asking)
            first = await anext(stream(response), {})  # a refusal is JSON, and no stream
            opened += "method" in first
        return resident(made) - before, opened


async def test_a_stream_with_much_in_its_meta_is_refused(replica, http):
    made = replica(MCP_JSON_RESPONSE="false")
    refused = answer(await http.post(made.url, **listen(20_000)))
    assert refused["error"]["code"] == -32602
    assert "_meta of subscriptions/listen" in refused["error"]["message"]


async def test_without_the_limit_such_streams_are_open(replica, http):
    """The control."""
    made = replica(MCP_JSON_RESPONSE="false", without=["subscription-shares"])
    assert (await grown(http, made, 20_000))[1] == STREAMS


async def test_those_that_are_let_in_take_little(replica, http):
    made = replica(MCP_JSON_RESPONSE="false")
    await grown(http, made, 10)
    kilobytes, opened = await grown(http, made, 5_000)
    assert opened == STREAMS
    assert kilobytes / STREAMS < 100
