"""An older release: it has other tools."""

from fastmcp.tools import tool


@tool(task=True)
async def another() -> str:
    """What there was before."""
    return "old"
