"""A handful of small tools."""

from typing import Any

from fastmcp import Context
from fastmcp.tools import tool

LARGE = {"rows": [{"number": n, "text": "x" * 80} for n in range(1000)]}


@tool
async def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b


@tool
def add_in_a_thread(a: int, b: int) -> int:
    """Add two whole numbers, in a function that is not async."""
    return a + b


@tool
async def large() -> dict[str, Any]:
    """A result of 100 KB."""
    return LARGE


@tool
async def steps(ctx: Context) -> str:
    """Report progress ten times."""
    for step in range(10):
        await ctx.report_progress(step, 10)
    return "done"
