"""An action that must not be done twice: it asks first, and leaves a line where it was done."""

from pathlib import Path

from fastmcp import Context
from fastmcp.tools import tool
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult

SURE = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}


@tool(output_schema=None)
async def transfer(ctx: Context, to: str, times: int = 1) -> str | InputRequiredResult:
    """Write a line into the file `to`, once the user has agreed as many `times`.

    Another tool is called on the way, which is part of the same confirmed call.
    """
    agreed = int(ctx.request_state or 0)
    if isinstance((ctx.input_responses or {}).get("sure"), ElicitResult):
        agreed += 1
    if ctx.request_state and agreed >= times:
        await ctx.fastmcp.call_tool("echo", {"text": "done"})
        _leave_a_line(Path(to))
        return "done"
    question = ElicitRequestFormParams(message="Transfer?", requested_schema=SURE)
    return InputRequiredResult(
        input_requests={"sure": ElicitRequest(params=question)}, request_state=str(agreed)
    )


def _leave_a_line(file: Path) -> None:
    with file.open("a") as lines:
        lines.write("done\n")
