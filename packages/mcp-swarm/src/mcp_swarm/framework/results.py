"""Converts the return value of a tool once, where FastMCP serializes and copies it twice."""

from collections.abc import Awaitable
from typing import Any, cast

import mcp_types as types
from fastmcp.tools import FunctionTool, Tool
from fastmcp.tools.base import ToolResult

from mcp_swarm.framework.conformance import conforming
from mcp_swarm.framework.wire import jsonable, text_of


class Once:
    """Runs a tool like FastMCP, but converts a plain dict that it returns only once.

    ``Tool.convert_result`` serializes such a value, copies it and serializes the copy, and
    ``ToolResult`` copies it again. This makes one text and one copy.
    """

    def __init__(self, tool: FunctionTool) -> None:
        self.tool = tool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tool, name)

    def run(self, arguments: dict[str, Any]) -> Awaitable[ToolResult]:
        """Like ``FunctionTool.run``."""
        return FunctionTool.run(cast("FunctionTool", self), arguments)

    def convert_result(self, value: Any) -> ToolResult:
        """Like ``Tool.convert_result``, with the same errors."""
        structured = self.structured(value)
        if structured is None:
            return Tool.convert_result(self.tool, value)
        text = types.TextContent(type="text", text=text_of(structured))
        result = ToolResult.model_construct(content=[text], structured_content=structured)
        conforming(self.tool, result)
        return result

    def structured(self, value: Any) -> dict[str, Any] | None:
        """Returns a copy as a JSON value; None if FastMCP must convert or reject the value."""
        schema = self.tool.output_schema
        if type(value) is not dict or (schema and schema.get("x-fastmcp-wrap-result")):
            return None
        try:
            copy = jsonable(value, self.tool.return_type)
        except Exception:  # FastMCP runs into the same error and reports it
            return None
        return copy if type(copy) is dict else None
