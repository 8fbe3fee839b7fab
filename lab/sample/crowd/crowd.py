"""How many calls a replica runs at a time."""

import asyncio

from fastmcp import Context
from fastmcp.tools import tool

_here: set[object] = set()


@tool
async def crowd(seconds: float) -> int:
    """Stay for a while; the most that were here meanwhile."""
    me, most, steps = object(), 0, 10
    _here.add(me)
    try:
        for _ in range(steps):
            most = max(most, len(_here))
            await asyncio.sleep(seconds / steps)
    finally:
        _here.discard(me)
    return most


@tool
async def nest(ctx: Context) -> str:
    """Call another tool."""
    await ctx.fastmcp.call_tool("crowd", {"seconds": 0.01})
    return "done"
