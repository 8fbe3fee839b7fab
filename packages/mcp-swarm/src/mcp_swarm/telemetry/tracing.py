"""The trace of a call: its span as FastMCP opens it, its parent, its place in the call's record.

A request has one server span, which FastMCP opens and completes once the component is known. Its
parent is the span that the ``traceparent`` header names, or else the message's ``_meta``. Without a
tracer provider nothing of this runs.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.telemetry import seam_span, server_span
from fastmcp.utilities.components import FastMCPComponent
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_swarm.telemetry import call_record

# Method → the kind of component as FastMCP's spans name it.
_KINDS = {
    "tools/call": "tool",
    "tools/list": "tool",
    "resources/read": "resource",
    "resources/list": "resource",
    "resources/templates/list": "resource_template",
    "prompts/get": "prompt",
    "prompts/list": "prompt",
}
# Method → FastMCP's argument for the component's name, in addition to the key.
_NAMES = {"tools/call": "tool_name", "resources/read": "resource_uri", "prompts/get": "prompt_name"}


@cache
def records_spans() -> bool:
    """Returns whether a tracer provider is configured; the first request decides."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def is_traced(meta: Mapping[str, Any] | None) -> bool:
    """Returns whether spans are recorded, or the caller's trace goes on to what a tool calls."""
    return records_spans() or bool(meta and ("traceparent" in meta or "tracestate" in meta))


def request_span(mcp: FastMCP, method: str) -> AbstractContextManager[Any]:
    """Returns FastMCP's span of the running request; its parent is the caller's."""
    return seam_span(method, mcp.name)


def component_span(
    mcp: FastMCP, method: str, name: str = "", component: FastMCPComponent | None = None
) -> AbstractContextManager[Any]:
    """Returns what completes that span with the component, and with its error if it fails."""
    if not records_spans():
        return nullcontext()
    return _component_span(mcp, method, name, component)


@contextmanager
def _component_span(
    mcp: FastMCP, method: str, name: str, component: FastMCPComponent | None
) -> Iterator[None]:
    more: dict[str, Any] = {_NAMES[method]: name} if name else {}
    # A URI is not in the span's name: it may be one of very many.
    title = f"{method} {name}" if name and method != "resources/read" else method
    with server_span(title, method, mcp.name, _KINDS[method], name, **more) as span:
        if component:
            span.set_attributes(component.get_span_attributes())
        yield


class TraceContextMiddleware:
    """Continues the trace of the ``traceparent`` header."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        # Not a coroutine itself: it would be one more frame in every request.
        if scope["type"] != "http" or not records_spans():
            return self.app(scope, receive, send)
        return self._continued(scope, receive, send)

    async def _continued(self, scope: Scope, receive: Receive, send: Send) -> None:
        if trace.get_current_span().get_span_context().is_valid:  # another layer's span
            await self.app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]
        }
        token = otel_context.attach(propagate.extract(headers))
        try:
            await self.app(scope, receive, send)
        finally:
            otel_context.detach(token)


def note_trace(scope: Scope) -> None:
    """Notes the current trace in the record of a call."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        call_record.of(scope).trace_id = trace.format_trace_id(context.trace_id)


async def record_trace(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """SDK middleware, inside all other, where FastMCP's span is open."""
    if ctx.request is not None and records_spans():
        note_trace(ctx.request.scope)
    return await call_next(ctx)
