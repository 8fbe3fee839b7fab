"""Server-sent events on the wire (HTML standard)."""

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
# Seconds between comments that keep the stream open: proxies close silent connections.
PING_EVERY = 15.0
PING = b": ping\r\n\r\n"
UNANSWERED = f": {messages.UNANSWERED}\r\n\r\n".encode()
# Milliseconds that a client should wait before it resumes a stream that has ended; and where the
# stream ended only to be resumed.
RETRY, AT_ONCE = 1000, 100


def event(event_id: str | None, data: str) -> bytes:
    """Returns an event with one message. With an id a client can resume after it."""
    head = f"id: {event_id}\r\n" if event_id else ""
    return f"event: message\r\n{head}data: {data}\r\n\r\n".encode()


def priming(event_id: str, retry: int = RETRY) -> bytes:
    """Returns the first event: an id to resume after, without a message (2025-11-25, SEP-1699)."""
    return f"id: {event_id}\r\nretry: {retry}\r\ndata: \r\n\r\n".encode()


async def ask_again(send: Send, event_id: str, seconds: int) -> None:
    """Sends a whole response that asks the client to resume after `event_id` in so many seconds."""
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await write(send, priming(event_id, seconds * 1000))
    await end(send)


async def start(send: Send, session: str) -> None:
    """Starts the response."""
    headers = [*HEADERS, (b"mcp-session-id", session.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def write(send: Send, chunk: bytes) -> None:
    """Sends a part of the response."""
    await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def end(send: Send) -> None:
    """Ends the response in order, so that the client does not take it for a cut."""
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@contextmanager
def ended_with_token(scope: Scope, end: Callable[[], None]) -> Iterator[None]:
    """Calls `end` when the request's access token expires."""
    user = scope.get("user")
    at = user.access_token.expires_at if isinstance(user, AuthenticatedUser) else None
    timer = asyncio.get_running_loop().call_later(at - time.time(), end) if at is not None else None
    try:
        yield
    finally:
        if timer:
            timer.cancel()
