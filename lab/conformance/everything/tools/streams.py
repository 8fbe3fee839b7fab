"""What a tool can send while it works: log messages, progress, a closed stream."""

import asyncio

from fastmcp import Context
from fastmcp.tools import tool

STEP = 0.05  # seconds between two messages, as the suite describes


@tool
async def test_tool_with_logging(ctx: Context) -> str:
    """Send three log messages at level info."""
    await ctx.info("Tool execution started")
    await asyncio.sleep(STEP)
    await ctx.info("Tool processing data")
    await asyncio.sleep(STEP)
    await ctx.info("Tool execution completed")
    return "Tool with logging executed successfully"


@tool
async def test_logging_tool(ctx: Context) -> str:
    """Log one line, which a client that set no log level must not receive."""
    await ctx.info("One line of log")
    return "Logged"


@tool
async def test_tool_with_progress(ctx: Context) -> str:
    """Report progress 0, 50 and 100 of 100."""
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100, f"Completed step {done} of 100")
        await asyncio.sleep(STEP)
    return "Progress reported"


@tool
async def test_reconnection(ctx: Context) -> str:
    """Close the stream in mid-call, so that the client has to come back for the result."""
    await ctx.close_sse_stream()
    await asyncio.sleep(4 * STEP)
    return "Reconnection test completed"
