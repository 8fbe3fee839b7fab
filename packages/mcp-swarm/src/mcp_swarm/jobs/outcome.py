"""What a tool's end means: try again, or a result, and how a client reads it."""

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

# Seconds that a tool may ask to be left alone before its next try.
LONGEST_PAUSE = 24 * 3600.0


def is_retryable(error: BaseException) -> tuple[bool, float | None]:
    """Whether it is marked so, and the pause that it asks for, in seconds (T8)."""
    if isinstance(error, Retryable):
        return True, _seconds(error.after)
    data = error.error.data if isinstance(error, MCPError) else None
    if isinstance(data, dict) and data.get("retryable"):
        return True, _seconds(data.get("retryAfter"))
    return False, None


def _seconds(after: Any) -> float | None:
    """A pause that can be kept: neither endless nor in the past; None if it is none."""
    if not isinstance(after, int | float) or not math.isfinite(after):
        return None
    return max(0.0, min(float(after), LONGEST_PAUSE))


def pause(tries: int) -> float:
    """Seconds: 1, 2, 4 … 60, each up to a half longer, so that jobs do not come back together."""
    return float(min(60, 2 ** (tries - 1)) * random.uniform(1, 1.5))  # noqa: S311 - spreads load


def error_result(tool_name: str, job_id: str, error: BaseException) -> ToolResult:
    """An error as a direct call would tell it: its own words only if they were meant for callers."""
    if isinstance(error, FastMCPError):
        return ToolResult(content=str(error), is_error=True)
    logger.error("job %s: its tool %s failed", job_id, tool_name, exc_info=error)
    return ToolResult(content=f"Error calling tool {tool_name!r}", is_error=True)


def wire(result: ToolResult) -> dict[str, Any]:
    """A CallToolResult as it goes to a client."""
    made = result.to_mcp_result()
    if isinstance(made, tuple):
        made = types.CallToolResult(content=made[0], structured_content=made[1])
    elif isinstance(made, list):
        made = types.CallToolResult(content=made)
    return made.model_dump(by_alias=True, mode="json", exclude_none=True)


def written(tool_name: str, job_id: str, result: ToolResult) -> tuple[dict[str, Any], bool]:
    """A result on the wire, and whether it is an error: one that cannot be written becomes one."""
    try:
        made = wire(result)
        json.dumps(made)
    except (ValueError, TypeError, RecursionError) as error:  # another run would come to the same
        return wire(error_result(tool_name, job_id, error)), True
    return made, result.is_error


def size(payload: dict[str, Any]) -> int:
    """Bytes of its JSON: what the store would have to hold."""
    return len(json.dumps(payload))
