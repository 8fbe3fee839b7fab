"""``resources/subscribe`` (up to 2025-11-25): clients with a session hear on their GET stream.

Shared: who subscribed to what is in Redis, and whoever publishes an event puts the notification
on the stream of each of them, once. Local (``memory://``): the sessions of this process.
"""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any, Protocol

from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import ResourceUpdated, ServerEvent
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import event_to_notification
from mcp_types import (
    INVALID_PARAMS,
    EmptyResult,
    NotificationParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)

from mcp_swarm.errors import RESOURCE_NOT_FOUND
from mcp_swarm.framework import sessions as framework_sessions

logger = logging.getLogger(__name__)

MAX_URIS = 1000  # of one session
LONGEST_URI = 2048  # characters

Context = ServerRequestContext[Any, Any]
MayRead = Callable[[str], Awaitable[bool]]


class Bus(Protocol):
    """Where events come from: see ``events``."""

    def subscribe(self, listener: Callable[[ServerEvent], None], uris: Any) -> Callable[[], None]:
        """Calls `listener` for every event."""


class Subscriptions:
    """The handlers of both methods.

    Args:
        may_read: whether the caller of the running request may read a resource.
    """

    def __init__(self, may_read: MayRead) -> None:
        self._may_read = may_read

    async def subscribe(self, ctx: Context, params: SubscribeRequestParams) -> EmptyResult:
        """Tells the client from now on when the resource changes.

        Raises:
            MCPError: -32002 there is no such resource for this caller, -32602 too many.
        """
        uri = str(params.uri)
        if len(uri) > LONGEST_URI or not await self._may_read(uri):
            message = f"Resource not found: {uri[:LONGEST_URI]}"
            raise MCPError(RESOURCE_NOT_FOUND, message, {"uri": uri[:LONGEST_URI]})
        if not await self._add(ctx, uri):
            raise MCPError(
                INVALID_PARAMS,
                f"This session subscribes to {MAX_URIS} resources already. Unsubscribe from some.",
            )
        return EmptyResult()

    async def unsubscribe(self, ctx: Context, params: UnsubscribeRequestParams) -> EmptyResult:
        """No longer; nothing happens if it was not subscribed."""
        await self._remove(ctx, str(params.uri))
        return EmptyResult()

    async def initialized(self, ctx: Context, params: NotificationParams) -> None:
        """The client is ready to hear of lists that change."""

    async def _add(self, ctx: Context, uri: str) -> bool:
        raise NotImplementedError

    async def _remove(self, ctx: Context, uri: str) -> None:
        raise NotImplementedError


class LocalSubscriptions(Subscriptions):
    """Of the sessions in this process, which hear what its bus tells."""

    def __init__(self, may_read: MayRead, bus: Bus) -> None:
        super().__init__(may_read)
        self._uris: dict[str, set[str]] = {}
        self._sessions: dict[str, ServerSession] = {}
        self._rights: dict[str, contextvars.Context] = {}  # whose request subscribed, by session
        self._telling: set[asyncio.Task[None]] = set()
        bus.subscribe(self._tell, self._all_uris)

    async def initialized(self, ctx: Context, params: NotificationParams) -> None:
        """Remembers the session until it ends."""
        session = session_id(ctx)
        if session not in self._sessions:
            self._sessions[session], self._uris[session] = ctx.session, set()
            framework_sessions.when_session_ends(ctx.session, lambda: self._forget(session))

    async def _add(self, ctx: Context, uri: str) -> bool:
        await self.initialized(ctx, NotificationParams())
        uris = self._uris[session_id(ctx)]
        if uri not in uris and len(uris) >= MAX_URIS:
            return False
        uris.add(uri)
        self._rights[session_id(ctx)] = copy_context()
        return True

    async def _remove(self, ctx: Context, uri: str) -> None:
        self._uris.get(session_id(ctx), set()).discard(uri)

    def _forget(self, session: str) -> None:
        del self._sessions[session], self._uris[session]
        self._rights.pop(session, None)

    def _all_uris(self) -> set[str]:
        return set().union(*self._uris.values())

    def _tell(self, event: ServerEvent) -> None:
        for session, uris in self._uris.items():
            if not isinstance(event, ResourceUpdated) or event.uri in uris:
                telling = self._send(self._sessions[session], event)
                task = asyncio.create_task(telling, context=self._rights.get(session))
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)

    async def _send(self, session: ServerSession, event: ServerEvent) -> None:
        try:
            # Asked again: what the client may read may have changed since it subscribed.
            if not isinstance(event, ResourceUpdated) or await self._may_read(event.uri):
                await session.send_notification(event_to_notification(event, {}))
        except Exception:  # a session that ends meanwhile must not stop the others
            logger.exception("a notification could not be sent")


def session_id(ctx: Context) -> str:
    """The session that the request names: the endpoint has checked it."""
    return str(ctx.request.headers["mcp-session-id"]) if ctx.request else ""
