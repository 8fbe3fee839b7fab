"""Tools of the tasks extension (SEP-2663): quick, slow, failing, asking."""

import asyncio
from datetime import timedelta

import mcp_types as types
from fastmcp import Context
from fastmcp.exceptions import ToolError
from fastmcp.tools import tool
from fastmcp.utilities.tasks import TaskConfig
from mcp.shared.exceptions import MCPError

from mcp_swarm import hand_over

OFTEN = timedelta(milliseconds=100)
OPTIONAL = TaskConfig(mode="optional", poll_interval=OFTEN)
REQUIRED = TaskConfig(mode="required", poll_interval=OFTEN)


def _form(message: str, field: str, kind: str) -> types.ElicitRequest:
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    params = types.ElicitRequestFormParams(message=message, requested_schema=schema)
    return types.ElicitRequest(params=params)


def _content(ctx: Context, key: str) -> dict[str, object]:
    answer = (ctx.input_responses or {}).get(key)
    return dict(answer.content or {}) if isinstance(answer, types.ElicitResult) else {}


@tool
def greet(name: str) -> str:
    """Answers at once."""
    return f"Hello, {name}!"


@tool(task=OPTIONAL)
async def slow_compute(seconds: float, label: str = "") -> str:
    """Sleeps."""
    await asyncio.sleep(seconds)
    return f"{label} done after {seconds:g} s"


@tool(task=REQUIRED)
async def failing_job() -> str:
    """Reports an error of its own."""
    await asyncio.sleep(1)
    raise ToolError("this job always fails")


@tool(task=OPTIONAL)
async def protocol_error_job() -> str:
    """Fails as the protocol does."""
    raise MCPError(types.INTERNAL_ERROR, "this job breaks")


@tool(task=OPTIONAL)
async def confirm_delete(ctx: Context, filename: str = "file") -> str | types.InputRequiredResult:
    """Asks before it does anything."""
    if not ctx.input_responses:
        asked: types.InputRequests = {"sure": _form(f"Delete {filename}?", "confirm", "boolean")}
        return types.InputRequiredResult(input_requests=asked)
    sure = _content(ctx, "sure").get("confirm")
    return f"{filename} {'deleted' if sure else 'kept'}"


@tool(task=OPTIONAL)
async def multi_input(ctx: Context) -> str | types.InputRequiredResult:
    """Asks two things at once."""
    if not ctx.input_responses:
        first, second = _form("First?", "name", "string"), _form("Second?", "name", "string")
        return types.InputRequiredResult(input_requests={"first": first, "second": second})
    names = [_content(ctx, key).get("name") for key in ("first", "second")]
    return " and ".join(map(str, names))


@tool(task=OPTIONAL)
async def greet_in_background(user_name: str) -> str:
    """What test_tool_with_task goes on with."""
    return f"Hello, {user_name}!"


@tool
async def test_tool_with_task(ctx: Context) -> object:
    """Asks in the call, then goes on as a task (SEP-2322 with SEP-2663)."""
    if not ctx.input_responses:
        asked: types.InputRequests = {"user_name": _form("Your name?", "name", "string")}
        return types.InputRequiredResult(input_requests=asked)
    name = _content(ctx, "user_name").get("name")
    return await hand_over("greet_in_background", user_name=str(name))
