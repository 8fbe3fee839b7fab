"""Tools that tell clients something besides their result."""

from fastmcp import Context
from fastmcp.tools import tool
from mcp.server.subscriptions import ResourceUpdated

from mcp_swarm import publish


@tool
async def touch(uri: str) -> str:
    """Say that the resource `uri` has changed."""
    await publish(ResourceUpdated(uri=uri))
    return "told"


@tool
async def tell(ctx: Context, text: str) -> str:
    """Send the caller a log message of the protocol."""
    await ctx.info(text)
    return "told"
