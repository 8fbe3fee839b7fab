"""An action that must not be done twice: it asks first, and leaves a line where it was done."""

from pathlib import Path

from fastmcp import Context
from fastmcp.tools import tool
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult

SURE = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}


@tool(output_schema=None)
def transfer(ctx: Context, to: str, times: int = 1) -> str | InputRequiredResult:
    """Write a line into the file `to`, once the user has agreed as many `times`."""
    agreed = int(ctx.request_state or 0)
    if isinstance((ctx.input_responses or {}).get("sure"), ElicitResult):
        agreed += 1
    if ctx.request_state and agreed >= times:
        with Path(to).open("a") as file:
            file.write("done\n")
        return "done"
    question = ElicitRequestFormParams(message="Transfer?", requested_schema=SURE)
    return InputRequiredResult(
        input_requests={"sure": ElicitRequest(params=question)}, request_state=str(agreed)
    )
