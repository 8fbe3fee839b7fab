"""The access log: one line a request, at INFO, with no bodies and no secrets.

Text: ``200 POST /mcp tools/call get_customer ok 3.1 ms``; JSON has the same as fields, and the rest
of the call's record. Health checks are logged at DEBUG: a balancer asks every second.
"""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_swarm.telemetry import call_record, logs
from mcp_swarm.telemetry.call_record import CallRecord

logger = logging.getLogger("server.access")

_QUIET = {"/healthz", "/readyz", "/metrics"}


class AccessLogMiddleware:
    """Begins the record of each request; logs it when its response has ended, or was cut off."""

    def __init__(self, app: ASGIApp, replica: str = "-") -> None:
        self.app = app
        self.replica = replica

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        record = call_record.begin(scope, self.replica)
        complete = False

        async def send_and_note(message: Message) -> None:
            nonlocal complete
            if message["type"] == "http.response.start":
                record.status = message["status"]
            else:
                record.response_bytes += len(message.get("body", b""))
                complete = not message.get("more_body", False)
            await send(message)

        began = time.perf_counter()
        try:
            await self.app(scope, receive, send_and_note)
        finally:
            record.duration = time.perf_counter() - began
            record.answered(complete=complete)
            level = logging.DEBUG if scope["path"] in _QUIET else logging.INFO
            if logger.isEnabledFor(level):
                _log(level, scope, record)


def _log(level: int, scope: Scope, record: CallRecord) -> None:
    path, milliseconds = _printable(scope["path"]), record.duration * 1000
    method, name = _printable(record.method), _printable(record.name)
    code = record.error_code
    ending = record.outcome if code is None else f"{record.outcome} {code}"
    fields: dict[str, object] = {
        "status": record.status,
        "http_method": scope["method"],
        "path": path,
        "mcp_method": method,
        "mcp_name": name,
        "outcome": record.outcome,
        "duration_ms": round(milliseconds, 1),
        "request_bytes": record.request_bytes,
        "response_bytes": record.response_bytes,
    }
    for key in ("error_code", "client", "tenant", "trace_id"):
        if (value := getattr(record, key)) is not None:
            fields[key] = value
    head = f"{record.status} {scope['method']} {path} {method} {name}"
    logs.event(logger, level, f"{head} {ending} {milliseconds:.1f} ms", fields)


def _printable(text: str) -> str:
    """Returns `text` shortened, without line breaks and control characters, which could forge a line."""
    return text[:200] if text.isprintable() else repr(text[:200])
