"""A worker: runs jobs from the shared queue, and serves nothing but its health.

``python -m server worker``, as many as are needed. SIGTERM: takes no more jobs, finishes those it
runs within ``MCP_TASK_DRAIN_SECONDS``, puts the others back into the queue, exits with 0.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from server.config import Settings
from server.core import framework, logs, startup
from server.core.errors import EXIT_NOT_STARTED, StartError
from server.core.health import Health
from server.core.port import bound
from server.core.startup import clear_start_errors
from server.mcp_app import PACKAGES, App, build_mcp
from server.server import running

logger = logging.getLogger(__name__)


def run(settings: Settings, packages: Sequence[str] = PACKAGES) -> int:
    """Works until a signal; the exit code is 0 then, 3 if it could not start, 4 if a part ended.

    Raises:
        StartError: there is no shared queue.
    """
    logs.configure(settings.mcp_log_format, settings.mcp_log_level, settings.mcp_replica)
    return work(settings, build_mcp(settings, packages))


def work(settings: Settings, mcp: App) -> int:
    """As ``run``, with an `mcp` that is made already."""
    import uvicorn

    from server.core.drain import DrainingServer

    if not settings.is_shared:
        raise StartError(
            "A worker needs the queue that it shares with the replicas, but REDIS_URL is "
            "memory://. Set REDIS_URL=redis://…; with memory:// the replica runs its jobs itself."
        )
    if mcp.jobs:
        mcp.jobs.engine.works = True
    else:  # not an error: stack.yml has workers whatever tools were dropped in
        logger.warning(
            "there is nothing to work on: no tool is declared with @tool(task=True). "
            "Next: declare one, or have no workers (docker service scale mcp-swarm_worker=0)"
        )
    health = Health()
    config = uvicorn.Config(_app(settings, mcp, health), log_config=None, access_log=False)
    server = DrainingServer(config, health=health, drain_seconds=0, close_streams=lambda: None)
    startup.keep_what_is_loaded()
    with bound(settings, "/healthz") as listening:
        try:
            server.run([listening])
        except SystemExit as stop:  # uvicorn's way to say that the lifespan failed; it logged why
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
