"""Checks a call before it becomes a job."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from fastmcp import FastMCP
from fastmcp.exceptions import NotFoundError
from fastmcp.exceptions import ValidationError as InvalidArguments
from fastmcp.tools.base import Tool
from fastmcp.tools.function_tool import FunctionTool
from pydantic import ValidationError

from mcp_swarm import identity
from mcp_swarm.framework import argument_check
from mcp_swarm.framework.catalogue import may_use
from mcp_swarm.jobs.errors import JobError
from mcp_swarm.jobs.job import Job

# A tool's function → the check of its arguments.
_checks: WeakKeyDictionary[Any, Callable[[dict[str, Any]], Any]] = WeakKeyDictionary()


async def find_tool(mcp: FastMCP, name: str) -> Tool:
    """Returns the tool, if it may run as a job and the caller may call it.

    Raises:
        JobError: unknown; the message names the tools that the caller may use.
    """
    try:
        tool = await mcp.get_tool(name)
    except NotFoundError:
        tool = None
    if tool is None or not tool.task_config.supports_tasks():
        there_are = sorted([found.name for found in await mcp.get_tasks() if await may_use(found)])
        message = f"No tool {name!r} runs as a job. Available: {', '.join(there_are)}."
        raise JobError("unknown", message)
    return tool


def validate(tool: Tool, arguments: dict[str, Any]) -> None:
    """Validates the arguments as a direct call would.

    Raises:
        JobError: invalid; the message names each wrong argument.
    """
    if not isinstance(tool, FunctionTool):
        return  # FastMCP has no schema to validate with: the tool itself reports the error
    check = _checks.get(tool.fn)
    if check is None:
        check = _checks[tool.fn] = argument_check(tool)
    try:
        check(arguments)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found)
        raise JobError("invalid", f"Arguments of {tool.name!r}: {wrong}.") from None
    except InvalidArguments as error:
        raise JobError("invalid", f"{tool.name!r}: {error}") from None


def new_job(tool_name: str, arguments: dict[str, Any], capabilities: dict[str, Any] | None) -> Job:
    """Returns a new job of the current caller, not stored yet."""
    caller, now = identity.current(), time.time()
    return Job(
        id=secrets.token_hex(16),  # no leading dash: a command line would read it as an option
        tool=tool_name,
        owner=caller.owner,
        tenant=caller.share,
        call={"arguments": arguments, "caller": identity.record(), "capabilities": capabilities},
        created=now,
        updated=now,
    )


def refused(kind: str, value: str, usual: float | None) -> JobError | None:
    """Returns the error of a job that was not accepted; None if it was accepted.

    Args:
        kind: the outcome that ``JobStore.submit`` returns.
        value: the number that it returns.
        usual: seconds that jobs of the tool take.
    """
    if kind == "full":
        after = max(1.0, min(60.0, usual or 5.0))
        message = f"{value} jobs are queued already. Try again in {after:.0f} s."
        return JobError("full", message, after)
    if kind == "unanswered":  # the time until an answer is unknown
        message = f"{value} of your jobs wait for input already (MCP_TASK_QUEUE_LIMIT)."
        return JobError("full", f"{message} Answer or cancel some, then try again.", 60.0)
    if kind == "many":
        message = f"{value} of your jobs are queued, your share of MCP_TASK_QUEUE_LIMIT."
        return JobError("full", f"{message} Try again when some of them have ended.", 10.0)
    if kind == "heavy":
        message = f"Your jobs hold {int(value):,} bytes; this one exceeds your share."
        return JobError("full", f"{message} Try again when some have ended or expired.", 60.0)
    return None


def digest(value: Any) -> str:
    """Returns a fingerprint, equal for equal JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
