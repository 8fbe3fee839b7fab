"""MCP middleware: the log names each tool that is called."""

import logging
from typing import Any

from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext

log = logging.getLogger(__name__)


class CallLogMiddleware(Middleware):
    """Logs the name of each tool before it runs."""

    async def on_call_tool(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        log.info("tool %s", context.message.name)
        return await call_next(context)
