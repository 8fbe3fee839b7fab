"""Tells a tool's caller that the shared store is away, and that it may try again.

FastMCP would hide that behind "Error calling tool", as it hides all that a tool raises.
"""

from typing import Any

import mcp_types as types
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from mcp.shared.exceptions import MCPError

from server.core.errors import STORE_UNAVAILABLE


class UnavailableMiddleware(Middleware):
    """For tools that use shared state; resources and prompts need no help."""

    async def on_call_tool(
        self,
        context: MiddlewareContext[types.CallToolRequestParams],
        call_next: CallNext[types.CallToolRequestParams, Any],
    ) -> Any:
        try:
            return await call_next(context)
        except Exception as error:
            cause: BaseException | None = error
            while cause is not None:
                if isinstance(cause, MCPError) and cause.error.code == STORE_UNAVAILABLE:
                    raise cause from None
                cause = cause.__cause__
            raise
