"""What is checked of a call before it becomes a job."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from fastmcp import FastMCP
from fastmcp.exceptions import NotFoundError
from fastmcp.tools.base import Tool
from fastmcp.tools.function_tool import FunctionTool
from pydantic import ValidationError

from server.core.framework import argument_check
from server.core.state.tasks import caller
from server.core.state.tasks.errors import JobError
from server.core.state.tasks.job import Job

# A tool's function → the check of its arguments.
_checks: WeakKeyDictionary[Any, Callable[[dict[str, Any]], Any]] = WeakKeyDictionary()


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
    if not isinstance(tool, FunctionTool):
        return  # FastMCP has no schema to check by: the tool will say itself
    check = _checks.get(tool.fn)
    if check is None:
        check = _checks[tool.fn] = argument_check(tool)
    try:
        check(arguments)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found)
        raise JobError("invalid", f"Arguments of {tool.name!r}: {wrong}.") from None


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
