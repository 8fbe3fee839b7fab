"""Tools that take their time."""

import asyncio
import logging
import time

from fastmcp import Context
from fastmcp.tools import tool

logger = logging.getLogger(__name__)


@tool
async def sleep(seconds: float) -> str:
    """Sleep without blocking; say in the log that it begins, and when it is cancelled."""
    logger.info("the sleep begins: %g s", seconds)
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        logger.info("the sleep was cancelled")
        raise
    return f"slept {seconds:g} s"


@tool
async def sore(seconds: float) -> str:
    """Answer a cancellation with an error, as clean-up code that fails does."""
    logger.info("the sleep begins")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        logger.info("the clean-up fails")
        raise RuntimeError("the password is hunter2") from None
    return "slept"


@tool
def block(seconds: float) -> str:
    """Block a thread, as a careless library does."""
    time.sleep(seconds)
    return f"blocked {seconds:g} s"


@tool
async def block_in_executor(seconds: float) -> str:
    """Block one of asyncio's own threads."""
    await asyncio.to_thread(time.sleep, seconds)
    return f"blocked {seconds:g} s"


@tool
async def count(ctx: Context, to: int, pause: float = 0.05) -> str:
    """Count, and report each step as progress."""
    for step in range(1, to + 1):
        await ctx.report_progress(step, to)
        await asyncio.sleep(pause)
    return f"counted to {to}"
