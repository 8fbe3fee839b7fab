"""A tool that asks its client in the middle of a call, as sessions of 2025-11-25 do."""

from fastmcp import Context
from fastmcp.tools import tool


@tool
async def ask_in_a_session(ctx: Context) -> str:
    """Ask for a word."""
    answer = await ctx.elicit("A word?", response_type=str)
    return answer.action
