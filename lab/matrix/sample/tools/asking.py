"""Tools that ask their client, each written once for both eras."""

from fastmcp import Context
from fastmcp.tools import tool
from pydantic import BaseModel

from mcp_swarm import ask


class Size(BaseModel):
    """What the user fills in."""

    width: int


@tool
async def measure(ctx: Context) -> str:
    """Ask for a size."""
    size = await ask.form(ctx, "size", "Which size?", Size)
    return f"{size.data.width} wide" if size else size.action


@tool
async def summarise(ctx: Context) -> str:
    """Have the client's model say something."""
    reply = await ask.sample(ctx, "summary", "Summarise this.")
    return f"{reply.data.model}: {reply.data.text}" if reply else reply.action


@tool
async def places(ctx: Context) -> str:
    """The client's folders."""
    return " ".join(str(root.uri).rstrip("/") for root in await ask.roots(ctx, "places"))
