"""Async functions that block the event loop."""

import time

from fastmcp.tools import tool


@tool
async def stall(seconds: float) -> str:
    """Sleep where nobody else can run."""
    time.sleep(seconds)  # noqa: ASYNC251 - the mistake that is looked for
    return f"stalled for {seconds:g} s"
