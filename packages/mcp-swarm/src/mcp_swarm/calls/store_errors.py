"""Reports to a tool's caller that Redis or the database is unavailable, as a retryable error.

FastMCP would mask it as "Error calling tool", like everything that a tool raises.
"""

from typing import Any

import mcp_types as types
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from mcp.shared.exceptions import MCPError

from mcp_swarm.errors import DATABASE_UNAVAILABLE, STORE_UNAVAILABLE

_UNAVAILABLE = {STORE_UNAVAILABLE, DATABASE_UNAVAILABLE}


class StoreErrorsMiddleware(Middleware):
    """Works for tools. FastMCP itself passes on such errors of resources and prompts."""

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
                if isinstance(cause, MCPError) and cause.error.code in _UNAVAILABLE:
                    raise MCPError.from_error_data(cause.error) from None
                cause = cause.__cause__
            raise
