"""A tool that asks its caller's user."""

from fastmcp import Context
from fastmcp.tools import tool
from pydantic import BaseModel

from mcp_swarm import ask


class Size(BaseModel):
    """What the user fills in."""

    width: int


@tool
async def order(ctx: Context, what: str) -> str:
    """Order something in the size that the user wants."""
    size = await ask.form(ctx, "size", f"Which size of {what}?", Size)
    if not size:
        return f"Nothing ordered: {size.action}"
    return f"Ordered {what}, {size.data.width} cm"
