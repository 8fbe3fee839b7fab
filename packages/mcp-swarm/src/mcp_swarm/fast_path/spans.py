"""The span of a request on the fast path, as FastMCP would open it."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastmcp import Context

from mcp_swarm.framework.request import RequestContext
from mcp_swarm.telemetry import tracing

Answer = Callable[[RequestContext, Context], Awaitable[Any]]


def in_span(answer: Answer, request: RequestContext, context: Context) -> Awaitable[Any]:
    """Returns what `answer` gives, in a span if anybody wants one."""
    if tracing.is_traced(request.meta):
        return _in_span(answer, request, context)
    return answer(request, context)


async def _in_span(answer: Answer, request: RequestContext, context: Context) -> Any:
    with tracing.request_span(request.mcp, request.method):
        tracing.note_trace(request.request.scope)
        return await answer(request, context)
