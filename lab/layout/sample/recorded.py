"""Tools that make every kind of key. Recorded jobs and calls name them, so they keep their names."""

import asyncio
from pathlib import Path

from fastmcp import Context
from fastmcp.resources import resource
from fastmcp.server.sessions import UserSession
from fastmcp.tools import tool
from mcp.server.subscriptions import ResourceUpdated
from mcp.shared.exceptions import MCPError

from mcp_swarm import ask, publish, update

NEWS = "layout://news"


@resource(NEWS)
def news() -> str:
    """A resource to subscribe to."""
    return "none"


@tool
async def change() -> str:
    """Notify subscribers of the resource."""
    await publish(ResourceUpdated(uri=NEWS))
    return "changed"


@tool(annotations={"readOnlyHint": True})
async def say(ctx: Context, text: str, gate: str = "") -> str:
    """Return the text, once there is a file `gate`."""
    await ctx.report_progress(1, 2)
    while gate and not Path(gate).exists():  # noqa: ASYNC110, ASYNC240 - the scenario creates it
        await asyncio.sleep(0.02)
    return text


@tool
async def remember(fact: str, session: UserSession) -> str:
    """Store a fact for this caller."""
    await update(session, "fact", lambda before: fact)
    return "stored"


@tool
async def recall(session: UserSession) -> str:
    """Return the caller's fact."""
    return str(await session.get("fact"))


@tool
async def note(ctx: Context, fact: str) -> str:
    """Store a fact in the session."""
    await ctx.set_state("fact", fact)
    return "stored"


@tool
async def noted(ctx: Context) -> str:
    """Return the session's fact."""
    return str(await ctx.get_state("fact"))


@tool
async def hide(ctx: Context, name: str) -> str:
    """Hide a tool."""
    await ctx.disable_components(names={name})
    return "hidden"


@tool
async def sure(ctx: Context) -> str:
    """Ask the user."""
    return f"{bool(await ask.confirm(ctx, 'sure', 'Sure?'))}"


@tool(task=True)
async def work(ctx: Context, text: str, gate: str = "") -> str:
    """Do as `say`, in a job."""
    return await say(ctx, text, gate)


@tool(task=True)
async def fail() -> str:
    """Fail, and once more in the only retry, in a job."""
    again = {"retryable": True, "retryAfter": 0.1}
    raise MCPError(code=-32000, message="as it should", data=again)


@tool(task=True)
async def greet(ctx: Context) -> str:
    """Ask for a confirmation, in a job."""
    return f"Hello, {bool(await ask.confirm(ctx, 'sure', 'Sure?'))}"
