"""Tools that tell listening clients that something changed."""

from fastmcp.tools import tool
from mcp.server.subscriptions import ResourceUpdated

from server.core import publish


@tool
async def touch(uri: str) -> str:
    """Say that the resource `uri` has changed."""
    await publish(ResourceUpdated(uri=uri))
    return "told"
