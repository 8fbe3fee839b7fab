"""An older release: it has other tools, and one that takes fewer arguments."""

from fastmcp.tools import tool


@tool(task=True)
async def another() -> str:
    """What there was before."""
    return "old"


@tool(task=True)
async def verbose() -> str:
    """Did not take a size yet."""
    return "x"
