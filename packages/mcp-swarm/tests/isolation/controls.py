"""A process that a tool can end or block, and callers without a share."""

import asyncio

from lab.controls import changed, nothing
from mcp_swarm import isolation
from mcp_swarm.isolation import blocked_loop, event_loop, middleware
from mcp_swarm.process.health import Health


def exceptions_that_escape() -> None:
    """Whatever is no ``Exception`` passes, as it does in FastMCP and the SDK."""
    isolation.escapes = middleware.escapes = lambda error: False


def a_loop_that_any_task_can_end() -> None:
    """The loop as uvicorn runs it."""
    event_loop.run = lambda main, loop_factory: asyncio.Runner(loop_factory=loop_factory).run(main)


def a_loop_that_nobody_watches() -> None:
    """What blocks it is not looked for."""
    blocked_loop.watch = lambda loop: lambda: None


CONTROLS = {
    "isolation": exceptions_that_escape,
    "loop-guard": a_loop_that_any_task_can_end,
    "loop-watch": a_loop_that_nobody_watches,
    "part-supervision": lambda: setattr(Health, "lose", nothing),
    "subscription-shares": changed("mcp_swarm.isolation.shares", "check_kept", nothing),
}
