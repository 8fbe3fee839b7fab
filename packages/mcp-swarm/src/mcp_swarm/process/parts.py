"""Parts of the process that run as long as it does, and what follows when one of them ends before."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from mcp_swarm.process.health import Health

# Entered before the replica serves, left after its last call; gives the tasks, if it has any, that
# must run until then.
Part = Callable[[], AbstractAsyncContextManager[Any]]
Tasks = Sequence["asyncio.Task[None]"]


@asynccontextmanager
async def running(parts: Sequence[Part], health: Health) -> AsyncIterator[None]:
    """Runs `parts` around the block; `health` hears of the first that ends before the block does.

    A block that raises has ended too early itself: what it stands in is lost.
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
