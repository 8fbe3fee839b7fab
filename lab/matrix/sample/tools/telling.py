"""Tools after which other clients have something new to fetch."""

from fastmcp.tools import tool
from mcp.server.subscriptions import ResourceUpdated, ToolsListChanged

from mcp_swarm import publish


@tool
async def paint(uri: str) -> str:
    """Say that the resource `uri` has changed."""
    await publish(ResourceUpdated(uri=uri))
    return "painted"


@tool
async def extend() -> str:
    """Say that the list of tools has changed."""
    await publish(ToolsListChanged())
    return "extended"
