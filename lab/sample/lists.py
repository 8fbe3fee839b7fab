"""Counts what passes through the MCP middleware, so that a call nobody made can be seen.

A request may ask it to fail: ``X-Middleware-Exits``.
"""

from typing import Any

from fastmcp.server.dependencies import get_http_headers
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext

SEEN: list[str] = []

# Names of the modules that were imported, once for each time that it happened.
IMPORTED: list[str] = []


class CountLists(Middleware):
    async def on_message(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        SEEN.append(context.method or "-")
        if text := get_http_headers().get("x-middleware-exits"):
            raise SystemExit(text)
        return await call_next(context)
