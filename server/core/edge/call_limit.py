"""The time limit of direct calls, ``MCP_CALL_TIMEOUT``: a clear error instead of a hang.

A tool that is over it is cancelled. A tool that blocks its thread cannot be: its caller gets
the error all the same, and the thread goes on until it ends.
"""

import asyncio
import logging
from typing import Any

import mcp_types as types
from fastmcp.exceptions import ToolError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from mcp.shared.exceptions import MCPError

logger = logging.getLogger(__name__)

# JSON-RPC 2.0 §5.1 leaves -32000..-32099 to servers, but MCP reserves them: a code outside.
CALL_TIMED_OUT = -31001


class CallLimitMiddleware(Middleware):
    """Ends ``tools/call``, ``resources/read`` and ``prompts/get`` after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def on_call_tool(
        self,
        context: MiddlewareContext[types.CallToolRequestParams],
        call_next: CallNext[types.CallToolRequestParams, Any],
    ) -> Any:
        try:
            return await self._limited(context, call_next)
        except _OverLimitError:
            raise ToolError(self._message(f"Tool {context.message.name!r}")) from None

    async def on_read_resource(
        self,
        context: MiddlewareContext[types.ReadResourceRequestParams],
        call_next: CallNext[types.ReadResourceRequestParams, Any],
    ) -> Any:
        try:
            return await self._limited(context, call_next)
        except _OverLimitError:
            message = self._message(f"Resource {str(context.message.uri)!r}")
            raise MCPError(CALL_TIMED_OUT, message) from None

    async def on_get_prompt(
        self,
        context: MiddlewareContext[types.GetPromptRequestParams],
        call_next: CallNext[types.GetPromptRequestParams, Any],
    ) -> Any:
        try:
            return await self._limited(context, call_next)
        except _OverLimitError:
            message = self._message(f"Prompt {context.message.name!r}")
            raise MCPError(CALL_TIMED_OUT, message) from None

    async def _limited(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        """The call's result; a task of its own, so that a blocked thread can be left behind."""
        task = asyncio.ensure_future(call_next(context))
        task.add_done_callback(_forget)
        try:
            done, _ = await asyncio.wait({task}, timeout=self.seconds)
        except asyncio.CancelledError:
            task.cancel()
            # The call's clean-up runs before the caller's: the request ends when the tool has.
            await asyncio.wait({task}, timeout=1)
            raise
        if done:
            return task.result()
        task.cancel()
        logger.warning("a call was over its limit of %g s and was ended", self.seconds)
        raise _OverLimitError

    def _message(self, what: str) -> str:
        return (
            f"{what} did not finish within {self.seconds:g} s (MCP_CALL_TIMEOUT) and was ended. "
            "Ask for less at once, or have the operator raise the limit."
        )


class _OverLimitError(Exception):
    """The call took longer than it may; turned into an error of its method's kind."""


def _forget(task: "asyncio.Future[Any]") -> None:
    """Takes an error that comes when nobody waits any more: asyncio would complain of it."""
    if not task.cancelled():
        task.exception()
