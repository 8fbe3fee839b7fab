"""Runs the parts of the process that must run as long as it does, and reports one that ends early."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from mcp_swarm.process.health import Health

# A context that is entered before the replica serves and left after its last call. It may yield tasks,
# which must run until then.
Part = Callable[[], AbstractAsyncContextManager[Any]]
Tasks = Sequence["asyncio.Task[None]"]


@asynccontextmanager
async def running(parts: Sequence[Part], health: Health) -> AsyncIterator[None]:
    """Runs `parts` during the block. A part whose task ends before the block is reported to `health`.

    A block that raises is reported too: then the server itself is lost.
    """
    is_over = False

    def ended(task: "asyncio.Task[None]") -> None:
        if not is_over:
            health.lose(task.get_name(), None if task.cancelled() else task.exception())

    async with AsyncExitStack() as stack:
        for part in parts:
            tasks: Tasks | None = await stack.enter_async_context(part())
            for task in tasks or ():
                task.add_done_callback(ended)
        try:
            yield
        except BaseException as error:
            if health.started:  # else it is an error of the start, which is reported as such
                health.lose("what serves /mcp", error)
            raise
        finally:
            is_over = True
