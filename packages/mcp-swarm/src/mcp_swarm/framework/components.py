"""One hook for MCP middleware that treats tools, resources and prompts alike."""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import mcp_types as types
from fastmcp.exceptions import FastMCPError, PromptError, ResourceError, ToolError
from fastmcp.prompts.base import InputRequiredPromptResult
from fastmcp.resources.base import InputRequiredResourceResult
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import InputRequiredToolResult, ToolResult

logger = logging.getLogger(__name__)

Run = CallNext[types.CallToolRequestParams, ToolResult]
Around = Callable[[MiddlewareContext[types.CallToolRequestParams], Run], Awaitable[ToolResult]]


@dataclass(frozen=True)
class Kind:
    """The kind of a component: tool, resource or prompt.

    Attributes:
        noun: the first word of error messages.
        running: FastMCP's verb for running one, in its messages.
        named_by: the field of a request that names the component.
        error: FastMCP's exception if it fails.
        input_required: FastMCP's result if it asks its client.
    """

    noun: str
    running: str
    named_by: str
    error: type[FastMCPError]
    input_required: Callable[[types.InputRequiredResult], Any]

    def name_in(self, context: MiddlewareContext[Any]) -> str:
        """Returns the name of the component that `context` is about."""
        return str(getattr(context.message, self.named_by))

    def failure(self, context: MiddlewareContext[Any], error: BaseException) -> FastMCPError:
        """Logs `error`; returns the error that the caller may see, like that of an Exception."""
        what = f"Error {self.running} {self.name_in(context)!r}"
        logger.error("%s: it raised %s", what, type(error).__name__, exc_info=error)
        return self.error(what)


TOOL: Final = Kind("Tool", "calling tool", "name", ToolError, InputRequiredToolResult)
RESOURCE: Final = Kind(
    "Resource", "reading resource", "uri", ResourceError, InputRequiredResourceResult
)
PROMPT: Final = Kind("Prompt", "rendering prompt", "name", PromptError, InputRequiredPromptResult)


class ComponentMiddleware(Middleware):
    """Runs ``on_component`` around ``tools/call``, ``resources/read`` and ``prompts/get``."""

    async def on_component(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any], kind: Kind
    ) -> Any:
        """Override this one; `kind` says what is called."""
        return await call_next(context)

    # Not coroutines themselves: each would be one more frame in every call.

    def on_call_tool(
        self,
        context: MiddlewareContext[types.CallToolRequestParams],
        call_next: CallNext[types.CallToolRequestParams, Any],
    ) -> Coroutine[Any, Any, Any]:
        return self.on_component(context, call_next, TOOL)

    def on_read_resource(
        self,
        context: MiddlewareContext[types.ReadResourceRequestParams],
        call_next: CallNext[types.ReadResourceRequestParams, Any],
    ) -> Coroutine[Any, Any, Any]:
        return self.on_component(context, call_next, RESOURCE)

    def on_get_prompt(
        self,
        context: MiddlewareContext[types.GetPromptRequestParams],
        call_next: CallNext[types.GetPromptRequestParams, Any],
    ) -> Coroutine[Any, Any, Any]:
        return self.on_component(context, call_next, PROMPT)


def around_tool(*middleware: Middleware) -> Around:
    """Returns what runs a tool inside `middleware`, outermost first, where there is no request."""

    def around(
        context: MiddlewareContext[types.CallToolRequestParams], run: Run
    ) -> Awaitable[ToolResult]:
        for each in reversed(middleware):
            run = partial(each, call_next=run)
        return run(context)

    return around
