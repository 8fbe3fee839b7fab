"""A tool that asks its caller's user, by an input round of 2026-07-28."""

from fastmcp import Context
from fastmcp.tools import tool
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult


@tool(output_schema=None)
def confirm(ctx: Context, what: str) -> str | InputRequiredResult:
    """Do `what`, once the user has agreed."""
    answer = (ctx.input_responses or {}).get("sure")
    if ctx.request_state == f"asked about {what}" and isinstance(answer, ElicitResult):
        return f"{what}: {answer.action}"
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    question = ElicitRequestFormParams(message=f"{what}?", requested_schema=schema)
    return InputRequiredResult(
        input_requests={"sure": ElicitRequest(params=question)},
        request_state=f"asked about {what}",
    )
