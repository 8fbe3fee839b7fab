"""Jobs that raise what is no ``Exception``, block, or return what is no JSON."""

import asyncio
import os
import time

from fastmcp.dependencies import Depends
from fastmcp.tools import tool


class Panic(BaseException):
    """As a panic of Rust comes to Python."""


EXCEPTIONS: dict[str, type[BaseException]] = {
    "panic": Panic,
    "exit": SystemExit,
    "interrupt": KeyboardInterrupt,
    "generator-exit": GeneratorExit,
    "cancelled": asyncio.CancelledError,
}


@tool(task=True)
async def ends(how: str) -> str:
    """End in that way, or in a task or thread that is waited for."""
    name, _, where = how.partition(" in a ")
    error = EXCEPTIONS[name](f"hunter2-{how}")

    def fail() -> None:
        raise error

    async def fail_later() -> None:
        raise error

    if where == "thread":
        await asyncio.to_thread(fail)
    if where == "task":
        await asyncio.create_task(fail_later())
    if name == "cancelled":
        waiting = asyncio.create_task(asyncio.sleep(60))
        waiting.cancel(f"hunter2-{how}")
        await waiting
    raise error


async def exiting() -> str:
    """A dependency."""
    raise SystemExit("hunter2-dependency")


@tool(task=True)
async def depends(made: str = Depends(exiting)) -> str:
    """End before it begins."""
    return made


@tool(task=True)
async def cancels_itself() -> str:
    """End by its own hand."""
    task = asyncio.current_task()
    assert task
    task.cancel()
    await asyncio.sleep(60)
    return "never"


@tool(task=True)
async def cancels(name: str) -> str:
    """Cancel a task of the worker's own, as nothing should."""
    (task,) = (each for each in asyncio.all_tasks() if each.get_name() == name)
    task.cancel()
    return "cancelled"


@tool(task=True)
async def stall() -> str:
    """Sleep where nobody else can run."""
    time.sleep(3)  # noqa: ASYNC251 - the mistake that is looked for
    return "stalled"


@tool(task=True)
async def gives_an_object() -> object:
    """Return what has neither a form in JSON nor a text."""
    return object()


@tool(task=True)
async def process() -> str:
    """The process that runs it."""
    return str(os.getpid())
