"""``subscriptions/listen`` (2026-07-28): one call is one open stream of events.

A client hears what it asked for and may read. Events that wait for a slow client are kept once
each, so a backlog is never longer than what the client listens to. Limits: ``MCP_LISTEN_LIMIT``,
``MCP_LISTEN_LIMIT_PER_CLIENT``. Source: 2026-07-28, basic/patterns/subscriptions.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

from fastmcp.server.dependencies import get_access_token
from mcp.server.context import ServerRequestContext
from mcp.server.request_state import authenticated_principal
from mcp.server.subscriptions import SUBSCRIPTION_ID_META_KEY, ResourceUpdated, ServerEvent
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import event_matches, event_to_notification
from mcp_types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
)

from server.core.errors import TOO_MANY_STREAMS
from server.core.state.events.bus import Bus

MOST_URIS = 1000
LONGEST_URI = 2048  # characters

# Seconds that a client may leave a frame untaken before its place is given to another.
SECONDS_TO_TAKE = 30.0

# Seconds that a caller's right to a resource is taken for known: an event looks it up for each
# stream, and there may be thousands. How many such rights are kept at most.
SECONDS_KNOWN, MOST_KNOWN = 1.0, 10_000

MayRead = Callable[[str], Awaitable[bool]]


class Listen:
    """The handler of ``subscriptions/listen`` on a replica.

    Args:
        bus: where events come from.
        may_read: whether the caller of the running request may read a resource.
        limit: open streams of this replica.
        limit_per_client: of one authenticated caller.
    """

    def __init__(self, bus: Bus, may_read: MayRead, limit: int, limit_per_client: int) -> None:
        self._bus = bus
        self._may_read = _remembering(may_read)
        self._limit = limit
        self._limit_per_client = limit_per_client
        self._streams: set[Stream] = set()
        self._of_client: Counter[str] = Counter()

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serves one stream until the client leaves, its token expires or the replica stops.

        Raises:
            MCPError: -31003 no more streams, -32602 too many or too long URIs.
        """
        if ctx.request_id is None:
            raise MCPError(INVALID_REQUEST, "subscriptions/listen needs a request id")
        client = authenticated_principal(ctx)
        self._refuse_too_many(client)
        stream = Stream(await self._honored(params.notifications))
        self._refuse_too_many(client)  # others came while the resources were looked up
        unsubscribe = self._bus.subscribe(stream.tell, stream.uris)
        self._streams.add(stream)
        if client:
            self._of_client[client] += 1
        try:
            async with asyncio.timeout_at(_expiry()):
                await self._serve(ctx, stream)
        except TimeoutError:  # of the token, or of a client that takes nothing: it listens anew
            pass
        finally:
            unsubscribe()
            self._streams.discard(stream)
            if client:
                self._of_client -= Counter([client])
        return SubscriptionsListenResult(_meta={SUBSCRIPTION_ID_META_KEY: ctx.request_id})

    def close(self) -> None:
        """Ends every open stream: what waits is sent, then the result as the final frame."""
        for stream in self._streams:
            stream.close()

    async def _serve(self, ctx: ServerRequestContext[Any, Any], stream: "Stream") -> None:
        meta: dict[str, Any] = {SUBSCRIPTION_ID_META_KEY: ctx.request_id}

        async def send(notification: Any) -> None:
            async with asyncio.timeout(SECONDS_TO_TAKE):
                await ctx.session.send_notification(notification, related_request_id=ctx.request_id)

        acknowledged = SubscriptionsAcknowledgedNotificationParams(
            notifications=stream.honored, _meta=meta
        )
        await send(SubscriptionsAcknowledgedNotification(params=acknowledged))
        async for event in stream.events():
            # Asked again: what the caller may read may have changed since it began to listen.
            if not isinstance(event, ResourceUpdated) or await self._may_read(event.uri):
                await send(event_to_notification(event, meta))

    async def _honored(self, asked: SubscriptionFilter) -> SubscriptionFilter:
        """What the caller will hear, as the acknowledgement tells it.

        Unknown resources and those that it may not read are left out alike.
        """
        uris = dict.fromkeys(asked.resource_subscriptions or ())
        if len(uris) > MOST_URIS or any(len(uri) > LONGEST_URI for uri in uris):
            raise MCPError(
                INVALID_PARAMS,
                f"resourceSubscriptions: at most {MOST_URIS} URIs of at most {LONGEST_URI} "
                f"characters; {len(uris)} given. Listen to the rest in another stream.",
            )
        readable = [uri for uri in uris if await self._may_read(uri)]
        return SubscriptionFilter(
            tools_list_changed=asked.tools_list_changed or None,
            prompts_list_changed=asked.prompts_list_changed or None,
            resources_list_changed=asked.resources_list_changed or None,
            resource_subscriptions=readable or None,
        )

    def _refuse_too_many(self, client: str | None) -> None:
        if len(self._streams) >= self._limit:
            raise _too_many(f"this replica has {self._limit} open", "Try again later.")
        if client and self._of_client[client] >= self._limit_per_client:
            raise _too_many(f"you have {self._limit_per_client} open", "Close one of them.")


class Stream:
    """What one client listens to, and the events that wait for it."""

    def __init__(self, honored: SubscriptionFilter) -> None:
        self.honored = honored
        self._uris = frozenset(honored.resource_subscriptions or ())
        self._waiting: dict[ServerEvent, None] = {}
        self._news = asyncio.Event()
        self._closing = False

    def tell(self, event: ServerEvent) -> None:
        """Keeps `event` if it was asked for; once only, however often it comes before it is sent."""
        if event_matches(self.honored, self._uris, event):
            self._waiting[event] = None
            self._news.set()

    def uris(self) -> Iterable[str]:
        """The resources listened to."""
        return self._uris

    def close(self) -> None:
        """The iteration ends once nothing waits."""
        self._closing = True
        self._news.set()

    async def events(self) -> AsyncIterator[ServerEvent]:
        """Events as they come, oldest first."""
        while not self._closing or self._waiting:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                event = next(iter(self._waiting))
                del self._waiting[event]
                yield event


def _remembering(may_read: MayRead) -> MayRead:
    """`may_read`, asked once for all streams of one token that an event comes to."""
    asked: dict[tuple[str | None, str], tuple[float, asyncio.Future[bool]]] = {}

    async def may_read_now(uri: str) -> bool:
        token = get_access_token()
        key, now = (token.token if token else None, uri), time.monotonic()
        if key not in asked or asked[key][0] < now:
            if len(asked) >= MOST_KNOWN:
                asked.clear()
            # A task of its own: it goes on for the others when the stream that asked is closed.
            asked[key] = (now + SECONDS_KNOWN, asyncio.ensure_future(may_read(uri)))
        return await asyncio.shield(asked[key][1])

    return may_read_now


def _expiry() -> float | None:
    """When the caller's token ends, on the event loop's clock; None if it has no end."""
    token = get_access_token()
    if token is None or token.expires_at is None:
        return None
    return asyncio.get_running_loop().time() + token.expires_at - time.time()


def _too_many(why: str, next_step: str) -> MCPError:
    return MCPError(
        TOO_MANY_STREAMS,
        f"No more listen streams: {why}. {next_step}",
        data={"retryable": True},
    )
