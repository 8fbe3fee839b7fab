"""Logs a warning, once per tool, if callers do not get its progress or log messages.

With ``MCP_JSON_RESPONSE=true`` a response is one JSON document, and the SDK silently drops the
notifications of a tool (trap T2). The call itself goes on.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import mcp_types as types
from fastmcp import Context
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcp_swarm import framework

logger = logging.getLogger(__name__)


class DroppedMessagesMiddleware(Middleware):
    """Warns about dropped notifications; used only if responses are plain JSON."""

    def __init__(self) -> None:
        self._warned: set[str] = set()

    async def on_call_tool(
        self,
        context: MiddlewareContext[types.CallToolRequestParams],
        call_next: CallNext[types.CallToolRequestParams, Any],
    ) -> Any:
        tool, ctx = context.message.name, context.fastmcp_context
        if ctx and ctx.request_context and tool not in self._warned:
            framework.wrap_notices(
                ctx,
                progress=lambda send: self._noticed(send, tool, "progress"),
                log=lambda send: self._noticed(send, tool, "log messages", ctx),
            )
        return await call_next(context)

    def _noticed(
        self, send: Callable[..., Awaitable[None]], tool: str, what: str, ctx: Context | None = None
    ) -> Callable[..., Awaitable[None]]:
        """Wraps `send`: logs a warning; with a `ctx`, only if that call requested log messages."""

        async def noticed(*args: Any, **options: Any) -> None:
            if tool not in self._warned and (ctx is None or _asked_for_logs(ctx)):
                self._warned.add(tool)
                logger.warning(
                    "the tool %r sends %s, which its callers do not get: responses are plain JSON. "
                    "Next: set MCP_JSON_RESPONSE=auto",
                    tool,
                    what,
                )
            await send(*args, **options)

        return noticed


def _asked_for_logs(ctx: Context) -> bool:
    """Returns whether the request wants log messages: older clients always do, 2026-07-28 says so."""
    request = ctx.request_context
    if request is None or request.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return True
    return types.LOG_LEVEL_META_KEY in (request.meta or {})
