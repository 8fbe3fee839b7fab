"""A tool that takes long, and so runs as a job."""

import asyncio

from fastmcp import Context
from fastmcp.tools import tool


@tool(task=True)
async def build(ctx: Context, parts: int) -> str:
    """Build something of `parts` parts, and report each as progress."""
    for part in range(1, parts + 1):
        await asyncio.sleep(0.05)
        await ctx.report_progress(part, parts)
    return f"built of {parts} parts"
