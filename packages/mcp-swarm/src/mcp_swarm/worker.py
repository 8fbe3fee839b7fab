"""The worker process: runs jobs from the shared queue, and serves only its health.

Start any number with ``python -m server worker``. After SIGTERM it takes no more jobs, finishes those
that run within ``MCP_TASK_DRAIN_SECONDS``, puts the others back into the queue, and exits with 0.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_swarm import framework
from mcp_swarm.app import App
from mcp_swarm.config import Settings
from mcp_swarm.errors import EXIT_NOT_STARTED, StartError
from mcp_swarm.process import startup
from mcp_swarm.process.health import Health
from mcp_swarm.process.port import listening_socket
from mcp_swarm.process.startup import clear_start_errors
from mcp_swarm.serve import running

logger = logging.getLogger(__name__)


def work(settings: Settings, mcp: App) -> int:
    """Runs jobs of `mcp`'s tools until a signal.

    Returns:
        0 after a requested stop, 3 if it could not start, 4 if a part of it ended.

    Raises:
        StartError: there is no shared queue.
    """
    import uvicorn

    from mcp_swarm.process.drain import DrainingServer

    if not settings.is_shared:
        raise StartError(
            "A worker needs the queue that it shares with the replicas, but REDIS_URL is "
            "memory://. Set REDIS_URL=redis://…; with memory:// the replica runs its jobs itself."
        )
    if mcp.jobs:
        mcp.jobs.engine.works = True
    else:  # not an error: stack.yml has workers, whatever the tools
        logger.warning(
            "there is nothing to do: no tool is declared with @tool(task=True). "
            "Next: declare one, or run no workers (docker service scale mcp-swarm_worker=0)"
        )
    health = Health()
    config = uvicorn.Config(_app(settings, mcp, health), log_config=None, access_log=False)
    server = DrainingServer(config, health=health, drain_seconds=0, close_streams=lambda: None)
    startup.keep_what_is_loaded()
    with listening_socket(settings, "/healthz") as listening:
        try:
            server.run([listening])
        except SystemExit as stop:  # uvicorn's sign that the lifespan failed; it has logged why
            return int(stop.code or EXIT_NOT_STARTED)
    return server.exit_code


def _app(settings: Settings, mcp: App, health: Health) -> ASGIApp:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with running(settings, mcp, framework.lifespan(mcp), health):
            health.started = True
            yield

    routes = [Route("/healthz", health.healthz), Route("/readyz", health.readyz)]
    app = Starlette(routes=routes, lifespan=lifespan)

    async def clear(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await clear_start_errors(app, scope, receive, send)
        else:
            await app(scope, receive, send)

    return clear
