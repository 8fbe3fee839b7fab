"""The outcome of a job's tool: a retry, or a result, and that result for the client."""

import json
import logging
import math
import random
from typing import Any

import mcp_types as types
from fastmcp.exceptions import FastMCPError
from fastmcp.tools.base import ToolResult
from mcp.shared.exceptions import MCPError

from mcp_swarm.jobs.errors import Retryable

logger = logging.getLogger(__name__)

# Maximum seconds that a tool may request before its next try.
LONGEST_PAUSE = 24 * 3600.0


def is_retryable(error: BaseException) -> tuple[bool, float | None]:
    """Returns whether the error is marked as retryable, and the requested delay in seconds (T8)."""
    if isinstance(error, Retryable):
        return True, _seconds(error.after)
    data = error.error.data if isinstance(error, MCPError) else None
    if isinstance(data, dict) and data.get("retryable"):
        return True, _seconds(data.get("retryAfter"))
    return False, None


def _seconds(after: Any) -> float | None:
    """Returns the delay, limited to sensible values; None if it is not a finite number."""
    if not isinstance(after, int | float) or not math.isfinite(after):
        return None
    return max(0.0, min(float(after), LONGEST_PAUSE))


def pause(tries: int) -> float:
    """Returns the backoff in seconds: 1, 2, 4 … 60, with up to 50 % jitter."""
    return float(min(60, 2 ** (tries - 1)) * random.uniform(1, 1.5))  # noqa: S311 - spreads load


def error_result(tool_name: str, job_id: str, error: BaseException) -> ToolResult:
    """Returns the error as in a direct call: its own text only if it is meant for callers."""
    if isinstance(error, FastMCPError):
        return ToolResult(content=str(error), is_error=True)
    logger.error("job %s: its tool %s failed", job_id, tool_name, exc_info=error)
    return ToolResult(content=f"Error calling tool {tool_name!r}", is_error=True)


def wire(result: ToolResult) -> dict[str, Any]:
    """Returns the CallToolResult for the client."""
    made = result.to_mcp_result()
    if isinstance(made, tuple):
        made = types.CallToolResult(content=made[0], structured_content=made[1])
    elif isinstance(made, list):
        made = types.CallToolResult(content=made)
    return made.model_dump(by_alias=True, mode="json", exclude_none=True)


def written(tool_name: str, job_id: str, result: ToolResult) -> tuple[dict[str, Any], bool]:
    """Returns the result for the client, and whether it is an error; one without JSON becomes one."""
    try:
        made = wire(result)
        json.dumps(made)
    except (ValueError, TypeError, RecursionError) as error:  # a retry would give the same result
        return wire(error_result(tool_name, job_id, error)), True
    return made, result.is_error


def size(payload: dict[str, Any]) -> int:
    """Returns the size of the JSON, which the store would have to keep."""
    return len(json.dumps(payload))
