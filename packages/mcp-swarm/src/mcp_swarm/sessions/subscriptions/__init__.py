"""``resources/subscribe`` of protocol 2025-11-25 and older: notifications on the GET stream.

Shared: subscriptions are in Redis, and the publisher of an event appends the notification once to the
stream of each subscriber. Local (``memory://``): the sessions of this process.
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
    """The source of events: see ``events``."""

    def subscribe(self, listener: Callable[[ServerEvent], None], uris: Any) -> Callable[[], None]:
        """Calls `listener` for every event."""


class Subscriptions:
    """The handlers of resources/subscribe and resources/unsubscribe.

    Args:
        may_read: returns whether the caller of the current request may read a resource.
    """

    def __init__(self, may_read: MayRead) -> None:
        self._may_read = may_read

    async def subscribe(self, ctx: Context, params: SubscribeRequestParams) -> EmptyResult:
        """Subscribes the client to changes of a resource.

        Raises:
            MCPError: -32002 the caller has no such resource, -32602 too many subscriptions.
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
        """Unsubscribes the client, if it was subscribed."""
        await self._remove(ctx, str(params.uri))
        return EmptyResult()

    async def initialized(self, ctx: Context, params: NotificationParams) -> None:
        """The client is ready for notifications."""

    async def _add(self, ctx: Context, uri: str) -> bool:
        raise NotImplementedError

    async def _remove(self, ctx: Context, uri: str) -> None:
        raise NotImplementedError


class LocalSubscriptions(Subscriptions):
    """The subscriptions of the sessions in this process, which are notified of its bus' events."""

    def __init__(self, may_read: MayRead, bus: Bus) -> None:
        super().__init__(may_read)
        self._uris: dict[str, set[str]] = {}
        self._sessions: dict[str, ServerSession] = {}
        self._rights: dict[str, contextvars.Context] = {}  # of the request that subscribed
        self._sending: set[asyncio.Task[None]] = set()
        bus.subscribe(self._notify, self._all_uris)

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

    def _notify(self, event: ServerEvent) -> None:
        for session, uris in self._uris.items():
            if not isinstance(event, ResourceUpdated) or event.uri in uris:
                sending = self._send(self._sessions[session], event)
                task = asyncio.create_task(sending, context=self._rights.get(session))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)

    async def _send(self, session: ServerSession, event: ServerEvent) -> None:
        try:
            # Checked again: permissions may have changed since the subscription.
            if not isinstance(event, ResourceUpdated) or await self._may_read(event.uri):
                await session.send_notification(event_to_notification(event, {}))
        except Exception:  # a session that ends now must not stop the others
            logger.exception("a notification could not be sent")


def session_id(ctx: Context) -> str:
    """Returns the session that the request names, which the endpoint has checked."""
    return str(ctx.request.headers["mcp-session-id"]) if ctx.request else ""
