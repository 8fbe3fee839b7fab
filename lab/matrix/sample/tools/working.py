"""Tools that tell their caller something while they work, and can be held up."""

import asyncio
from pathlib import Path

from fastmcp import Context
from fastmcp.tools import tool


@tool
async def count(ctx: Context, to: int) -> str:
    """Count, and report each step as progress."""
    for step in range(1, to + 1):
        await ctx.report_progress(step, to)
    return f"counted to {to}"


@tool
async def tell(ctx: Context, text: str) -> str:
    """Send the caller a log message of the protocol."""
    await ctx.info(text)
    return "told"


@tool
async def hold(ctx: Context, gate: str) -> str:
    """Report progress 1, then wait for the file `gate`; files beside it tell how that goes."""
    Path(f"{gate}.begun").touch()  # noqa: ASYNC240 - a test's folder
    await ctx.report_progress(1, 2)
    try:
        while not Path(gate).exists():  # noqa: ASYNC110, ASYNC240 - opened by another process
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        Path(f"{gate}.cancelled").touch()  # noqa: ASYNC240 - a test's folder
        raise
    await ctx.report_progress(2, 2)
    return "let go"
