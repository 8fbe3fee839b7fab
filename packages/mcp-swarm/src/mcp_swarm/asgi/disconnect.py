"""Handles a client that disconnects before its response, as its protocol version requires.

2026-07-28 (basic/patterns/cancellation): the server MUST treat it as cancellation of the request.
2025-11-25 and older (basic/transports): it SHOULD NOT, so the call runs to its end. The framework
itself cancels wherever the response may be a stream, and nowhere else.
"""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_swarm.framework import OLDER_VERSIONS

# Seconds after the request is read before its client is watched: most calls have ended by then.
WATCHED_AFTER: Final = 0.05


class DisconnectMiddleware:
    """Cancels the call of a client of protocol 2026-07-28 that disconnects, and no others.

    Args:
        app: the inner app.
        path: of the MCP endpoint.
        has_sessions: whether clients of 2025-11-25 and older have sessions, in which no call depends
            on its HTTP request.
    """

    def __init__(self, app: ASGIApp, *, path: str, has_sessions: bool) -> None:
        self.app = app
        self.path = path
        self.has_sessions = has_sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != self.path:
            await self.app(scope, receive, send)
        elif _is_modern(scope):
            await _Watched(receive, send).run(self.app, scope)
        else:
            await self.app(scope, receive if self.has_sessions else _unaware(receive), send)


def _is_modern(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"mcp-protocol-version":
            return value not in OLDER_VERSIONS
    return False


class _Watched:
    """One request whose client is watched, unless the app does that itself."""

    __slots__ = ("_is_gone", "_read", "_receive", "_send", "_task", "_timer", "_watching")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._task = asyncio.current_task()
        self._timer: asyncio.TimerHandle | None = None
        self._watching: asyncio.Task[None] | None = None
        self._is_gone = False
        self._read: Message | None = None  # the body, if the app has not received it yet

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        """Runs the app; ends it if the client disconnects."""
        self._watch_soon()  # the body has been read already: see asgi/body
        try:
            await app(scope, self._hear, self._say)
        except asyncio.CancelledError:
            if not self._is_gone or (self._task and self._task.uncancel()):
                raise  # a cancellation by others
        finally:
            self._stop()

    async def _hear(self) -> Message:
        self._stop()  # an app that receives after the body sees the disconnect itself
        message = self._read or await self._receive()
        self._read = None
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._watch_soon()
        return message

    async def _say(self, message: Message) -> None:
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._stop()

    def _watch_soon(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(WATCHED_AFTER, self._watch)

    def _watch(self) -> None:
        self._watching = asyncio.create_task(self._until_gone())

    async def _until_gone(self) -> None:
        while (message := await self._receive())["type"] != "http.disconnect":
            self._read = message
        self._is_gone = True
        if self._task:
            self._task.cancel()

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._watching:
            self._watching.cancel()


def _unaware(receive: Receive) -> Receive:
    """Returns a `receive` that, after the body, never reports a disconnect."""
    read = False

    async def hear() -> Message:
        nonlocal read
        if read:
            await asyncio.get_running_loop().create_future()
        message = await receive()
        read = message["type"] == "http.request" and not message.get("more_body", False)
        return message

    return hear
