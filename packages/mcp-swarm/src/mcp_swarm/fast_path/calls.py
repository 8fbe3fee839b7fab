"""``tools/call`` on the fast path: finds the tool in a table and serializes its result once.

The table has the plain tools: not run as a task, with one version, and without arguments that are
mirrored into headers. Validation, the call of the function and errors are FastMCP's own.
"""

import logging
from collections import Counter
from typing import Any

import mcp_types as types
from fastmcp import Context, FastMCP
from fastmcp.exceptions import DisabledError, FastMCPError, NotFoundError, ToolError
from fastmcp.exceptions import ValidationError as InvalidArguments
from fastmcp.server.middleware import MiddlewareContext
from fastmcp.server.transforms.visibility import is_enabled
from fastmcp.tools import FunctionTool
from fastmcp.tools.base import InputRequiredToolResult, ToolResult
from fastmcp.utilities.exceptions import get_http_status_code, is_timeout_error
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import MISSING_REQUIRED_CLIENT_CAPABILITY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from mcp_swarm.fast_path.chain import Chains
from mcp_swarm.framework import catalogue as framework_catalogue
from mcp_swarm.framework.request import RequestContext
from mcp_swarm.framework.results import Once
from mcp_swarm.telemetry.tracing import component_span

# The logger that FastMCP itself uses for failing tools.
logger = logging.getLogger("fastmcp.server.server")

# FastMCP's message to a client of 2025-11-25 or older.
_NO_ROUNDS = (
    "Tool {!r} returned an InputRequiredResult to request client input, but the multi-round-trip "
    "result type (SEP-2322) only exists at MCP 2026-07-28; this connection negotiated {!r}. "
    "Use ctx.elicit() for server-initiated input on handshake-era connections."
)


class Calls:
    """Answers ``tools/call`` for the tools in its table."""

    def __init__(self, mcp: FastMCP) -> None:
        self.mcp = mcp
        self._chains = Chains(mcp, {"tools/call": self._run})
        self._tools: dict[str, FunctionTool] = {}
        self._state: tuple[Any, ...] = ()
        self._server = framework_catalogue.server_info(mcp)

    def tool(self, name: str) -> FunctionTool | None:
        """Returns the tool with that name, if it is in the table."""
        if (state := framework_catalogue.catalogue_state(self.mcp)) != self._state:
            self._tools, self._state = self._table(), state
        return self._tools.get(name)

    def _table(self) -> dict[str, FunctionTool]:
        components = framework_catalogue.catalogue(self.mcp)
        if components is None or framework_catalogue.intercepted(self.mcp):
            return {}
        versions = Counter(c.name for k, c in components.items() if k.startswith("tool:"))
        return {
            tool.name: tool
            for tool in components.values()
            if type(tool) is FunctionTool
            and versions[tool.name] == 1
            and tool.version is None
            and not tool.task_config.supports_tasks()
            and is_enabled(tool)
            and not framework_catalogue.has_header_schema(self.mcp, tool.name)
        }

    async def answer(self, request: RequestContext, context: Context) -> Any:
        """Calls the tool inside the MCP middleware; returns the result for the client.

        Raises:
            Exception: an error of the protocol, rather than of the tool.
        """
        assert request.params is not None
        name = request.params["name"]
        message = MiddlewareContext(
            message=types.CallToolRequestParams(
                name=name, arguments=request.params.get("arguments") or {}
            ),
            method="tools/call",
            fastmcp_context=context,
        )
        try:
            result = await self._chains.of("tools/call")(message)
        except (DisabledError, NotFoundError):
            result = ToolResult(f"Unknown tool: {name!r}", is_error=True)
        except FastMCPError as error:
            result = ToolResult(str(error), is_error=True)
        modern = request.protocol_version in MODERN_PROTOCOL_VERSIONS
        if (texts := _texts(result)) is not None:
            return self._wire(result, texts, modern=modern)
        if isinstance(result, InputRequiredToolResult):
            if not modern:
                raise MCPError(
                    types.INVALID_PARAMS, _NO_ROUNDS.format(name, request.protocol_version)
                )
            return await request.wire(result.input_required)
        return await request.wire(await framework_catalogue.sdk_result(self.mcp, result))

    def _wire(self, result: ToolResult, texts: list[str], *, modern: bool) -> dict[str, Any]:
        """Returns text and structure like the framework does."""
        meta = result.meta
        if modern:
            meta = {**(meta or {}), types.SERVER_INFO_META_KEY: self._server}
        wire: dict[str, Any] = {} if meta is None else {"_meta": meta}
        wire["content"] = [{"text": text, "type": "text"} for text in texts]
        wire["isError"] = result.is_error
        if modern:
            wire["resultType"] = "complete"
        if result.structured_content is not None:
            wire["structuredContent"] = result.structured_content
        return wire

    async def _run(self, context: MiddlewareContext[types.CallToolRequestParams]) -> ToolResult:
        """Ends the chain: calls the tool that the message names now."""
        name, arguments = context.message.name, context.message.arguments or {}
        tool = self._tools.get(name)
        if tool is None:  # a middleware chose another one
            return await self.mcp.call_tool(name, arguments, run_middleware=False)
        with component_span(self.mcp, "tools/call", name, tool):
            try:
                return await Once(tool).run(arguments)
            except Exception as error:  # reported like FastMCP does
                client_error = _client_error(
                    name, error, masked=framework_catalogue.masks_errors(self.mcp)
                )
                if client_error is error:
                    raise
                raise client_error from error


def _client_error(name: str, error: Exception, *, masked: bool) -> Exception:
    """Logs the error of a tool; returns the error that the client may see (``FastMCP.call_tool``)."""
    if isinstance(error, InvalidArguments | ValidationError):
        cause = error if isinstance(error, ValidationError) else error.__cause__
        found = framework_catalogue.summary(cause) if isinstance(cause, ValidationError) else "-"
        logger.warning("Invalid arguments for tool %r: %s", name, found)
        return error
    if isinstance(error, FastMCPError):
        logger.log(error.log_level, "Error calling tool %r", name, exc_info=error)
        return error
    if isinstance(error, MCPError) and error.error.code == MISSING_REQUIRED_CLIENT_CAPABILITY:
        return error
    status = get_http_status_code(error)
    logger.error("Error calling tool %r", name, exc_info=error if status is None else None)
    if status == 429:
        return ToolError("Rate limited by upstream API, please retry later")
    if is_timeout_error(error):
        return ToolError("Upstream request timed out, please retry")
    return ToolError(f"Error calling tool {name!r}" + ("" if masked else f": {error}"))


def _texts(result: Any) -> list[str] | None:
    """Returns the texts of a result with only plain text and structure; None for any other."""
    if not framework_catalogue.is_short_result(result):
        return None
    texts = []
    for block in result.content:
        if type(block) is not types.TextContent or block.annotations or block.meta is not None:
            return None
        texts.append(block.text)
    return texts
