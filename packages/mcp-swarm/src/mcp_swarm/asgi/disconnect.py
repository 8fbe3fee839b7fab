"""What it means that a client goes away before its answer: the protocol's version decides.

2026-07-28 (basic/patterns/cancellation): the server MUST take it for the request's cancellation,
which frees what the call holds. Up to 2025-11-25 (basic/transports): it SHOULD NOT, so such a call
runs to its end. The framework cancels wherever the answer may be a stream, and nowhere else.
"""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_swarm.framework import OLDER_VERSIONS

# Seconds after the request is read until its client is watched: most calls are answered by then.
WATCHED_AFTER: Final = 0.05


class DisconnectMiddleware:
    """Cancels a call of a client of 2026-07-28 that went away, and no other's.

    Args:
        app: what answers.
        path: of the MCP endpoint.
        has_sessions: clients up to 2025-11-25 have sessions, in which no call depends on the
            request that brought it.
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
        self._read: Message | None = None  # the body, which nobody below has asked for yet

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        """The app's answer; nothing if there is nobody any more who waits for it."""
        self._watch_soon()  # the body is there: see admission/body.py
        try:
            await app(scope, self._hear, self._say)
        except asyncio.CancelledError:
            if not self._is_gone or (self._task and self._task.uncancel()):
                raise  # somebody else's
        finally:
            self._stop()

    async def _hear(self) -> Message:
        self._stop()  # who hears on after the request was read, hears that the client goes away
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
    """`receive` of a request whose client is taken to be there, once all of it was read."""
    read = False

    async def hear() -> Message:
        nonlocal read
        if read:
            await asyncio.get_running_loop().create_future()
        message = await receive()
        read = message["type"] == "http.request" and not message.get("more_body", False)
        return message

    return hear
