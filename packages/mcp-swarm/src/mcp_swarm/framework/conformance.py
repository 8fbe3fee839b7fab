"""Checks that a tool's result conforms to its output schema (tools, "Output Schema": MUST).

FastMCP sends whatever its serializer produces: ``{}`` for a ``TypedDict`` with other keys, null for
NaN. Clients that validate it, as the official ones do, then fail.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from fastmcp.exceptions import ToolError
from fastmcp.tools.base import Tool, ToolResult
from pydantic_core import PydanticSerializationError, from_json

from mcp_swarm.framework.json_schema import quick_check
from mcp_swarm.framework.wire import encode

Check = Callable[[Any], bool]

# Maximum number of cached checks; a server has few tools.
_KEPT = 4096
_LONGEST = 300  # characters of what is wrong
_checks: dict[int, tuple[dict[str, Any], Check]] = {}

_BROKEN = (
    "The result of tool {!r} does not conform to the tool's output schema: {} This is an error of "
    "the tool, not of the call. Next: correct what the tool returns, or its return annotation."
)


def check_results() -> None:
    """Patches FastMCP: a result that violates its tool's output schema becomes an error.

    It applies to all tools of the process, wherever they run: FastMCP, the fast path, jobs.
    """
    convert = Tool.convert_result
    if hasattr(convert, "__wrapped__"):  # done before in this process
        return

    @wraps(convert)
    def convert_result(self: Tool, raw_value: Any) -> ToolResult:
        if self.output_schema is None:
            return convert(self, raw_value)
        try:
            result = convert(self, raw_value)
        except PydanticSerializationError:
            raise
        except ValueError as error:
            found = f"{type(raw_value).__name__} is not an object."
            raise ToolError(_BROKEN.format(self.name, found)) from error
        conforming(self, result)
        return result

    Tool.convert_result = convert_result  # type: ignore[method-assign]


def conforming(tool: Any, result: ToolResult) -> None:
    """Checks a result.

    Raises:
        ToolError: the result violates the tool's output schema; it names the member and the reason.
    """
    schema, content = tool.output_schema, result.structured_content
    if schema is None or result.is_error or type(result) is not ToolResult:
        return  # an error, or not yet the tool's output: a question, or a job that goes on
    if content is None:
        raise ToolError(_BROKEN.format(tool.name, "there is no structured content."))
    if not _check(schema)(content):
        raise ToolError(_BROKEN.format(tool.name, _fault(schema, content)))


def _check(schema: dict[str, Any]) -> Check:
    kept = _checks.get(id(schema))
    if kept is None or kept[0] is not schema:
        if len(_checks) >= _KEPT:
            _checks.clear()
        kept = _checks[id(schema)] = schema, _made(schema)
    return kept[1]


def _made(schema: dict[str, Any]) -> Check:
    """Returns a check that uses the full validator only for what the quick one does not accept."""
    quick = quick_check(schema)

    def check(content: Any) -> bool:
        return (quick is not None and quick(content)) or not _fault(schema, content)

    return check


def _fault(schema: dict[str, Any], content: Any) -> str:
    """Returns what is wrong with `content`; empty if nothing is."""
    from jsonschema import Draft202012Validator, exceptions, validators

    kind: Any = validators.validator_for(schema, default=Draft202012Validator)
    error = exceptions.best_match(kind(schema).iter_errors(from_json(encode(content))))
    if error is None:
        return ""
    message = error.message[:_LONGEST] + "…" * (len(error.message) > _LONGEST)
    if error.instance is None and error.validator_value == "number":
        message += " (NaN and Infinity are null in JSON)"
    path = error.json_path.removeprefix("$").removeprefix(".")
    return f"at {path!r}: {message}." if path else f"{message}."
