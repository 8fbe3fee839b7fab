"""Event streams on the wire (HTML, server-sent events)."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.types import Scope, Send

from mcp_swarm.framework import messages

HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
# Seconds between signs that the stream is open, for proxies that cut silent connections.
PING_EVERY = 15.0
PING = b": ping\r\n\r\n"
UNANSWERED = f": {messages.UNANSWERED}\r\n\r\n".encode()
# Milliseconds that a client should wait before it resumes a stream that has ended; and where the
# stream ended only to be resumed.
RETRY, AT_ONCE = 1000, 100


def event(event_id: str | None, data: str) -> bytes:
    """One message; with an id, a client that loses the stream can go on after it."""
    head = f"id: {event_id}\r\n" if event_id else ""
    return f"event: message\r\n{head}data: {data}\r\n\r\n".encode()


def priming(event_id: str, retry: int = RETRY) -> bytes:
    """The first event: no message, but an id to resume after (2025-11-25, SEP-1699)."""
    return f"id: {event_id}\r\nretry: {retry}\r\ndata: \r\n\r\n".encode()


async def ask_again(send: Send, event_id: str, seconds: int) -> None:
    """The whole response to a client that is to resume there after so many seconds."""
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await write(send, priming(event_id, seconds * 1000))
    await end(send)


async def start(send: Send, session: str) -> None:
    """Begins the response."""
    headers = [*HEADERS, (b"mcp-session-id", session.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def write(send: Send, chunk: bytes) -> None:
    """Part of the response."""
    await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def end(send: Send) -> None:
    """Ends the response, as streams end that were not cut."""
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@contextmanager
def ended_with_token(scope: Scope, end: Callable[[], None]) -> Iterator[None]:
    """Calls `end` if the token of the request expires meanwhile: a stream outlives no right to it."""
    user = scope.get("user")
    at = user.access_token.expires_at if isinstance(user, AuthenticatedUser) else None
    timer = asyncio.get_running_loop().call_later(at - time.time(), end) if at is not None else None
    try:
        yield
    finally:
        if timer:
            timer.cancel()
