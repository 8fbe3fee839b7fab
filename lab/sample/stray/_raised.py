"""What a component may raise; ``X-Raised`` of its request names it: ``exit 17``.

The second word is in the exception's text, so that the log shows each one.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from fastmcp.server.dependencies import get_http_headers


class Panic(BaseException):
    """As a panic of Rust comes to Python (PyO3)."""


def text() -> str:
    """The text of the exception, which no caller may read."""
    return f"hunter2-{_raised()[1]}"


def _raised() -> list[str]:
    return get_http_headers()["x-raised"].split()


async def _waits_for_what_it_cancelled() -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    task.cancel(text())
    await task


async def _cancels_itself() -> None:
    task = asyncio.current_task()
    assert task
    task.cancel(text())
    await asyncio.sleep(60)


async def _panics_in_a_group() -> None:
    async def panic() -> None:
        raise Panic(text())

    async with asyncio.TaskGroup() as group:
        group.create_task(panic())
        group.create_task(asyncio.sleep(60))


async def _exits_in_a_task() -> None:
    async def leave() -> None:
        raise SystemExit(text())

    await asyncio.create_task(leave())


async def _exits_in_asyncios_thread() -> None:
    await asyncio.to_thread(sys.exit, text())


# In any function, and in a coroutine only.
EXCEPTIONS: dict[str, type[BaseException]] = {
    "error": RuntimeError,  # an ordinary one: the others are answered as it is
    "panic": Panic,
    "exit": SystemExit,
    "interrupt": KeyboardInterrupt,
    "generator-exit": GeneratorExit,
    "cancelled": asyncio.CancelledError,
}
WAYS: dict[str, Callable[[], Awaitable[None]]] = {
    "waits-for-cancelled": _waits_for_what_it_cancelled,
    "cancels-itself": _cancels_itself,
    "group": _panics_in_a_group,
    "task-exit": _exits_in_a_task,
    "thread-exit": _exits_in_asyncios_thread,
}


def fail() -> None:
    """Raises what the request asks for."""
    raise EXCEPTIONS[_raised()[0]](text())


async def fail_slowly() -> None:
    """The same, or in a way that needs a loop."""
    await asyncio.sleep(0.01)
    if way := WAYS.get(_raised()[0]):
        await way()
    fail()
