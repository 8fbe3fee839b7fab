"""HTTP errors as JSON-RPC errors, for clients of 2025-11-25 or older.

The Python SDK 1.x ends the whole client at any other status of a POST: ``raise_for_status()`` runs
in the task group of its transport, so one 503 cancels all its calls. Such a client gets HTTP 200
and an error with the id of its request. The access log is inside and sees the real status. A client
that does not accept event streams, such as plain curl, gets the real status too.
"""

import asyncio
import json
from collections.abc import Awaitable, Iterable
from http import HTTPStatus
from typing import Any, Final

from mcp_types import INTERNAL_ERROR, INVALID_REQUEST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_swarm.asgi.rpc_error.message import Ends
from mcp_swarm.errors import CALL_LOST, CALL_TIMED_OUT, TOO_BUSY
from mcp_swarm.framework import OLDER_VERSIONS

# Statuses with a meaning in the protocol: bad requests, authorization, an ended session, and a foreign
# host (the conformance suite requires a 4xx against DNS rebinding).
PLAIN: Final = frozenset({400, 401, 403, 404, 421})
# Limits of reading the rest of a body after an early error: the id may come last.
MAX_READ_ON, MAX_SECONDS = 16 * 1024 * 1024, 10.0

_CODES = {
    429: TOO_BUSY,
    500: INTERNAL_ERROR,
    502: CALL_LOST,
    503: TOO_BUSY,
    504: CALL_TIMED_OUT,
}
# Statuses after which the call may have run, unless the error itself says that it did not.
_UNKNOWN = frozenset({500, 502, 504})
_REPLACED = frozenset({b"content-type", b"content-length", b"content-encoding", b"retry-after"})


class RpcErrorMiddleware:
    """Answers a failed request of an older client with HTTP 200 and a JSON-RPC error.

    Args:
        app: the inner app.
        path: of the MCP endpoint.
    """

    def __init__(self, app: ASGIApp, *, path: str) -> None:
        self.app = app
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and scope["method"] == "POST"
            and scope["path"] == self.path
            and _is_older_client(scope["headers"])
        ):
            exchange = _Exchange(receive, send)
            await self.app(scope, exchange.receive, exchange.send)
        else:
            await self.app(scope, receive, send)


def _is_older_client(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    streams = False
    for name, value in headers:
        if name == b"mcp-protocol-version" and value not in OLDER_VERSIONS:
            return False
        if name == b"accept" and b"text/event-stream" in value.lower():
            streams = True
    return streams


class _Exchange:
    """One request: keeps both ends of its body, and holds back its response if it is an error."""

    __slots__ = ("_body", "_ends", "_is_read", "_receive", "_send", "_start")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._ends = Ends()
        self._is_read = False
        self._start: Message | None = None  # of the error
        self._body = b""

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._ends.add(message.get("body", b""))
            self._is_read = not message.get("more_body", False)
        return message

    def send(self, message: Message) -> Awaitable[None]:
        if self._start is None and not _is_error(message):
            return self._send(message)
        return self._hold(message)

    async def _hold(self, message: Message) -> None:
        if self._start is None:
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return
        await self._read_on()
        start, body = self._start, self._body
        if (request_id := self._ends.request_id()) is not None:
            error = json.dumps(_error(start, body), separators=(",", ":")).encode()
            body = b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (request_id, error)
            start = {**start, "status": 200, "headers": _headers(start, len(body))}
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})

    async def _read_on(self) -> None:
        """Reads the rest of the body, within the limits."""
        left = MAX_READ_ON
        try:
            async with asyncio.timeout(MAX_SECONDS):
                while not self._is_read and left > 0:
                    message = await self.receive()
                    if message["type"] == "http.disconnect":
                        return
                    left -= len(message.get("body", b""))
        except TimeoutError:
            return


def _is_error(message: Message) -> bool:
    return (
        message["type"] == "http.response.start"
        and message["status"] >= HTTPStatus.BAD_REQUEST
        and message["status"] not in PLAIN
    )


def _headers(start: Message, length: int) -> list[tuple[bytes, bytes]]:
    kept = [header for header in start.get("headers", ()) if header[0].lower() not in _REPLACED]
    own = [(b"content-type", b"application/json"), (b"content-length", b"%d" % length)]
    return [*kept, *own]


def _error(start: Message, body: bytes) -> dict[str, Any]:
    """Returns the error object: from the response's body, or else from its status."""
    status = start["status"]
    payload = _parsed(body)
    error = payload.get("error")
    if not isinstance(error, dict):
        error = {
            "code": _CODES.get(status, INVALID_REQUEST if status < 500 else INTERNAL_ERROR),
            "message": str(payload.get("detail") or f"The request failed with HTTP {status}."),
        }
    data: dict[str, Any] = {"executed": "unknown" if status in _UNKNOWN else "no"}
    for name, value in start.get("headers", ()):
        if name.lower() == b"retry-after" and value.isdigit():
            data["retryAfterSeconds"] = int(value)
    own = error.get("data")
    return {**error, "data": {**data, **own} if isinstance(own, dict) else data}


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
