"""A tool that asks its client in the middle of a call, as sessions of 2025-11-25 do."""

import warnings

from fastmcp import Context
from fastmcp.tools import tool
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp_types import SamplingMessage, TextContent


@tool
async def ask_in_a_session(ctx: Context) -> str:
    """Ask for a word."""
    answer = await ctx.elicit("A word?", response_type=str)
    return answer.action


@tool
async def ask_a_model_in_a_session(ctx: Context) -> str:
    """Ask the client's model for a word, by the SDK's own means."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text="A word?"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)  # it is one at 2026-07-28
        answer = await ctx.session.create_message(
            [message], max_tokens=10, related_request_id=ctx.request_id
        )
    return answer.content.text
