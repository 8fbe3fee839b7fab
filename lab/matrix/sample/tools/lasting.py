"""A tool that takes long, and so runs as a job."""

import asyncio

import anyio
from fastmcp import Context
from fastmcp.tools import tool


@tool(task=True)
async def build(ctx: Context, parts: int, heard: str) -> str:
    """Build something of `parts` parts, and report each; ends once the file `heard` is there."""
    for part in range(1, parts + 1):
        await ctx.report_progress(part, parts)
    while not await anyio.Path(heard).exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.05)
    return f"built of {parts} parts"
