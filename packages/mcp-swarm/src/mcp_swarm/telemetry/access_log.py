"""The request log: one line a request, at INFO, with no bodies and no secrets.

Text: ``200 POST /mcp tools/call get_customer 3.1 ms``; JSON has the same as fields. Health
checks are logged at DEBUG: a balancer asks every second. The MCP method and name are noted by
``NoteMethod`` (an MCP middleware), because older clients tell them in the body only.
"""

import logging
import time
from typing import Any

from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_swarm.telemetry import logs

logger = logging.getLogger("server.access")

_QUIET = {"/healthz", "/readyz", "/metrics"}


class AccessLogMiddleware:
    """Logs each HTTP request once its response has ended, or was cut."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 0  # stays 0 when the client left before an answer began

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        try:
            await self.app(scope, receive, send_and_note)
        finally:
            level = logging.DEBUG if scope["path"] in _QUIET else logging.INFO
            if logger.isEnabledFor(level):
                _log(level, scope, status, (time.perf_counter() - began) * 1000)


def _log(level: int, scope: Scope, status: int, milliseconds: float) -> None:
    method, name = scope.get("state", {}).get("mcp", ("-", "-"))
    path = _printable(scope["path"])
    logs.event(
        logger,
        level,
        f"{status} {scope['method']} {path} {method} {name} {milliseconds:.1f} ms",
        {
            "status": status,
            "http_method": scope["method"],
            "path": path,
            "mcp_method": method,
            "mcp_name": name,
            "duration_ms": round(milliseconds, 1),
        },
    )


def _printable(text: str) -> str:
    """Short, and no line breaks or control characters: nobody forges a line or fills the disk."""
    return text[:200] if text.isprintable() else repr(text[:200])


class NoteMethod(Middleware):
    """Notes an MCP message's method and name on its HTTP request, for the request log."""

    async def on_message(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        asked = context.fastmcp_context.request_context if context.fastmcp_context else None
        request = asked.request if asked else None
        if request is None:  # not over HTTP: an in-process client
            return await call_next(context)
        message = context.message
        name = getattr(message, "name", None) or getattr(message, "uri", None) or "-"
        state = request.scope.setdefault("state", {})
        state["mcp"] = (_printable(context.method or "-"), _printable(str(name)))
        return await call_next(context)
