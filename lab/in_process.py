"""A replica in the process of the test, for what a test reads or gives by reference."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcp_swarm.serve import Service


@asynccontextmanager
async def running(app: Service) -> AsyncIterator[None]:
    """Runs the app's lifespan in a task of its own, as an ASGI server does."""
    begun, end = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.http.router.lifespan_context(app.http):
            begun.set()
            await end.wait()

    async with asyncio.TaskGroup() as tasks:  # which raises what `live` raises
        tasks.create_task(live())
        await begun.wait()
        yield
        end.set()
