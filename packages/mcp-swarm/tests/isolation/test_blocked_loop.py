"""An async tool that blocks the event loop is named in the log."""

import asyncio
import re

import pytest

from lab.mcp_wire import ERAS, call, text

STALLED = r"WARNING .*Tool '{}' at (\S+):\d+ blocks the event loop"


@pytest.mark.parametrize("era", ERAS)
async def test_it_is_named_once_with_its_line(replica, http, era):
    """However often it blocks; the next who reads the log knows what to change."""
    made = replica()
    for _ in range(2):
        assert text(await http.post(made.url, **call("stall", era, seconds=3))) == "stalled for 3 s"
    found = await made.logged(STALLED.format("stall"))
    assert found[1].endswith("lab/sample/tools/blocking.py")
    assert made.log.count("blocks the event loop") == 1
    assert "asyncio.to_thread" in made.log


async def test_what_waits_or_blocks_a_thread_is_not(replica, http):
    """The loop goes on beside both."""
    made = replica()
    tools = ("sleep", "block", "block_in_executor")
    await asyncio.gather(*(http.post(made.url, **call(tool, seconds=3)) for tool in tools))
    assert not re.search("blocks the event loop", made.log)


async def test_without_the_watch_it_is_not_named(replica, http):
    """The control: the replica blocks, and no log line says why."""
    made = replica(without=["loop-watch"])
    assert text(await http.post(made.url, **call("stall", seconds=3))) == "stalled for 3 s"
    assert "blocks the event loop" not in made.log
