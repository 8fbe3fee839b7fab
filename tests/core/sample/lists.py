"""Counts what passes through the MCP middleware, so that a call nobody made can be seen."""

from typing import Any

from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext

SEEN: list[str] = []

# Names of the modules that were imported, once for each time that it happened.
IMPORTED: list[str] = []


class CountLists(Middleware):
    async def on_message(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        SEEN.append(context.method or "-")
        return await call_next(context)
