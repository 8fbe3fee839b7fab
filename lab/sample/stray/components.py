"""Each kind of component, async and in a thread, and one whose dependency fails."""

import asyncio
import os
import sys
from typing import Literal

from fastmcp.dependencies import Depends
from fastmcp.prompts import prompt
from fastmcp.resources import resource
from fastmcp.tools import tool

from lab.sample.stray import _raised


async def failing() -> str:
    """A dependency."""
    await _raised.fail_slowly()
    return "never"


@tool
async def fails() -> str:
    """Fail in the loop."""
    await _raised.fail_slowly()
    return "never"


@tool
def fails_in_a_thread() -> str:
    """Fail in a thread."""
    _raised.fail()
    return "never"


@tool
async def depends(made: str = Depends(failing)) -> str:
    """Fail before it is called."""
    return made


@resource("stray://fails")
async def fails_to_read() -> str:
    """Fail in the loop."""
    await _raised.fail_slowly()
    return "never"


@resource("stray://thread")
def fails_to_read_in_a_thread() -> str:
    """Fail in a thread."""
    _raised.fail()
    return "never"


@resource("stray://made/{name}")
async def fails_to_make(name: str) -> str:
    """Fail in a template."""
    await _raised.fail_slowly()
    return name


@prompt
async def fails_to_render() -> str:
    """Fail in the loop."""
    await _raised.fail_slowly()
    return "never"


@prompt
def fails_to_render_in_a_thread() -> str:
    """Fail in a thread."""
    _raised.fail()
    return "never"


@tool
async def leaves(what: Literal["task", "callback"]) -> str:
    """End well; what it leaves behind tries to end the process."""

    async def leave() -> None:
        await asyncio.sleep(0.01)
        sys.exit("hunter2-task")

    if what == "task":
        _left.append(asyncio.create_task(leave()))
    else:
        asyncio.get_running_loop().call_later(0.01, sys.exit, "hunter2-callback")
    return "done"


@tool
async def cancels(name: str) -> str:
    """Cancel a task of the server's own, as nothing should."""
    (task,) = (each for each in asyncio.all_tasks() if each.get_name() == name)
    task.cancel()
    return "cancelled"


@tool
def pid() -> int:
    """The process that serves."""
    return os.getpid()


_left: list[asyncio.Task[None]] = []
