"""Tools for testing the load tester on a replica of this server."""

import asyncio

from fastmcp import Context
from fastmcp.tools import tool
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult


@tool
async def steps(ctx: Context, count: int) -> str:
    """Report progress `count` times, then answer."""
    for number in range(count):
        await ctx.report_progress(number, count)
        await asyncio.sleep(0.01)
    return f"{count} steps"


@tool
async def mine(ctx: Context) -> str:
    """How many calls this session has made."""
    made = int(await ctx.get_state("made") or 0) + 1
    await ctx.set_state("made", made)
    return str(made)


@tool(output_schema=None)
def confirm(ctx: Context, what: str) -> str | InputRequiredResult:
    """Do `what`, once the user has agreed."""
    answer = (ctx.input_responses or {}).get("sure")
    if isinstance(answer, ElicitResult) and ctx.request_state == what:
        return f"{what}: {answer.action} {answer.content}"
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    question = ElicitRequestFormParams(message=f"{what}?", requested_schema=schema)
    asked = {"sure": ElicitRequest(params=question)}
    return InputRequiredResult(input_requests=asked, request_state=what)
