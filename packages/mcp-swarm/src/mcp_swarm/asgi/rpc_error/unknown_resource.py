"""The error code of a resource that does not exist, which depends on the protocol version.

For 2025-11-25 and older it is -32002 (server/resources, "Error Handling"). For 2026-07-28 it is
-32602, which FastMCP always sends.
"""

from typing import Any

import mcp_types as types
from fastmcp.exceptions import DisabledError, NotFoundError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcp_swarm.errors import RESOURCE_NOT_FOUND


class UnknownResourceMiddleware(Middleware):
    """Sends older clients the error code of their version for ``resources/read``."""

    async def on_read_resource(
        self,
        context: MiddlewareContext[types.ReadResourceRequestParams],
        call_next: CallNext[types.ReadResourceRequestParams, Any],
    ) -> Any:
        try:
            return await call_next(context)
        except (DisabledError, NotFoundError):
            asked = context.fastmcp_context.request_context if context.fastmcp_context else None
            if asked is None or asked.protocol_version in MODERN_PROTOCOL_VERSIONS:
                raise
            uri = str(context.message.uri)
            raise MCPError(
                RESOURCE_NOT_FOUND, f"Resource not found: {uri!r}", {"uri": uri}
            ) from None
