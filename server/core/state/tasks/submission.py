"""What is checked of a call before it becomes a job."""

import hashlib
import json
import secrets
import time
from typing import Any

from fastmcp import FastMCP
from fastmcp.exceptions import NotFoundError, ValidationError
from fastmcp.tools.base import Tool
from pydantic import ValidationError as PydanticValidationError

from server.core.state.tasks import caller
from server.core.state.tasks.errors import JobError
from server.core.state.tasks.job import Job


async def find_tool(mcp: FastMCP, name: str) -> Tool:
    """A tool that may run as a job, and that the caller may call.

    Raises:
        JobError: unknown; the message names those that there are.
    """
    try:
        tool = await mcp.get_tool(name)
    except NotFoundError:
        tool = None
    if tool is None or not tool.task_config.supports_tasks():
        there_are = sorted(found.name for found in await mcp.get_tasks())
        raise JobError("unknown", f"No job runs {name!r}. There are: {', '.join(there_are)}.")
    return tool


def validate(tool: Tool, arguments: dict[str, Any]) -> None:
    """As a direct call would, but without running the tool.

    Raises:
        JobError: invalid; the message names each argument that is wrong.
    """
    from fastmcp_tasks.components import coerce_task_arguments

    try:
        coerce_task_arguments(tool, arguments, strict=True)
    except ValidationError as error:
        message = f"Arguments of {tool.name!r}: {_wrong(error)}."
        raise JobError("invalid", message) from None


def new_job(tool_name: str, arguments: dict[str, Any], capabilities: dict[str, Any] | None) -> Job:
    """A job of the caller at hand, not stored yet."""
    who, now = caller.current(), time.time()
    return Job(
        id=secrets.token_urlsafe(24),
        tool=tool_name,
        owner=who.owner,
        tenant=who.tenant,
        call={"arguments": arguments, "caller": who.identity, "capabilities": capabilities},
        created=now,
        updated=now,
    )


def digest(value: Any) -> str:
    """A fingerprint: equal for equal JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _wrong(error: ValidationError) -> str:
    """``seconds: Input should be a valid number``, for each argument that is wrong."""
    cause = error.__cause__
    if not isinstance(cause, PydanticValidationError):
        return str(error)
    found = cause.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found)
