"""What a tool returns, made into its result once: FastMCP writes and copies it twice."""

from collections.abc import Awaitable
from typing import Any, cast

import mcp_types as types
from fastmcp.tools import FunctionTool, Tool
from fastmcp.tools.base import ToolResult

from mcp_swarm.framework.conformance import conforming
from mcp_swarm.framework.wire import jsonable, text_of


class Once:
    """A tool, run by FastMCP as it is, but for what is done with a plain dict that it returns.

    ``Tool.convert_result`` writes such a value as text, copies it, writes the copy again, and
    ``ToolResult`` copies the copy again. The second text and the first copy are the result.
    """

    def __init__(self, tool: FunctionTool) -> None:
        self.tool = tool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tool, name)

    def run(self, arguments: dict[str, Any]) -> Awaitable[ToolResult]:
        """As ``FunctionTool.run``."""
        return FunctionTool.run(cast("FunctionTool", self), arguments)

    def convert_result(self, value: Any) -> ToolResult:
        """As ``Tool.convert_result``, whose errors are its own too."""
        structured = self.structured(value)
        if structured is None:
            return Tool.convert_result(self.tool, value)
        text = types.TextContent(type="text", text=text_of(structured))
        result = ToolResult.model_construct(content=[text], structured_content=structured)
        conforming(self.tool, result)
        return result

    def structured(self, value: Any) -> dict[str, Any] | None:
        """The copy that JSON can hold; None if the value is for FastMCP to convert, or to refuse."""
        schema = self.tool.output_schema
        if type(value) is not dict or (schema and schema.get("x-fastmcp-wrap-result")):
            return None
        try:
            copy = jsonable(value, self.tool.return_type)
        except Exception:  # nothing is lost: FastMCP meets it again, and tells it in its own words
            return None
        return copy if type(copy) is dict else None
