"""``subscriptions/listen`` (2026-07-28): each call is an open stream of events.

A client gets the events that it asked for and may read. For a slow client each waiting event is kept
once, so the backlog is at most as long as its list of subscriptions. Limits: ``MCP_LISTEN_LIMIT``,
``MCP_LISTEN_LIMIT_PER_CLIENT``. Sources: 2026-07-28, basic/patterns/subscriptions; for ``taskIds``
the tasks extension (SEP-2663), "Task Status Notifications".
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from fastmcp.server.dependencies import get_access_token
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import SUBSCRIPTION_ID_META_KEY, ResourceUpdated, ServerEvent
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import event_to_notification
from mcp_types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    Notification,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
)

from mcp_swarm import identity
from mcp_swarm.errors import TOO_MANY_STREAMS
from mcp_swarm.events.bus import Bus
from mcp_swarm.events.stream import Stream

MAX_URIS = 1000
LONGEST_URI = 2048  # characters

# The tasks extension's key in the filter, and its notification.
TASK_IDS, TASK_NEWS = "taskIds", "notifications/tasks"

# Seconds that a client may take to accept a frame before its stream is closed.
SECONDS_TO_TAKE = 30.0

# Seconds that the result of a permission check is cached: an event checks it for each stream, of which
# there may be thousands. And the maximum number of cached results.
SECONDS_KNOWN, MAX_KNOWN = 1.0, 10_000

MayRead = Callable[[str], Awaitable[bool]]
Context = ServerRequestContext[Any, Any]


class Tasks(Protocol):
    """The part of the tasks extension in a stream: notifications of the tasks in ``taskIds``."""

    async def followed(self, ctx: Context, task_ids: list[str]) -> dict[str, str]:
        """Returns those of the caller's tasks, by the URI of their events.

        Raises:
            MCPError: -32021 the request does not declare the extension.
        """

    async def news(self, task_id: str) -> dict[str, Any] | None:
        """Returns the task as ``tasks/get`` does; None if it is gone."""


class Listen:
    """The handler of ``subscriptions/listen`` on a replica.

    Args:
        bus: the source of events.
        may_read: returns whether the caller of the current request may read a resource.
        limit: maximum open streams of this replica.
        limit_per_client: maximum open streams of one authenticated caller.

    Attributes:
        tasks: the tasks extension, if it is enabled.
    """

    tasks: Tasks | None = None

    def __init__(self, bus: Bus, may_read: MayRead, limit: int, limit_per_client: int) -> None:
        self._bus = bus
        self._may_read = _remembering(may_read)
        self._limit = limit
        self._limit_per_client = limit_per_client
        self._streams: set[Stream] = set()
        self._of_client: Counter[str] = Counter()

    async def __call__(
        self, ctx: Context, params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serves one stream until the client disconnects, its token expires or the replica stops.

        Raises:
            MCPError: -31003 too many streams, -32602 too many or too long URIs, -32021 taskIds
                without the tasks extension.
        """
        if ctx.request_id is None:
            raise MCPError(INVALID_REQUEST, "subscriptions/listen needs a request id")
        client = identity.current().principal
        self._refuse_too_many(client)
        stream = Stream(*await self._honored(ctx, params.notifications))
        self._refuse_too_many(client)  # again: others may have come during the permission checks
        unsubscribe = self._bus.subscribe(stream.notify, stream.uris)
        self._streams.add(stream)
        if client:
            self._of_client[client] += 1
        try:
            async with asyncio.timeout_at(_expiry()):
                await self._serve(ctx, stream)
        except TimeoutError:  # the token expired, or the client is too slow: it can listen again
            pass
        finally:
            unsubscribe()
            self._streams.discard(stream)
            if client:
                self._of_client -= Counter([client])
        return SubscriptionsListenResult(_meta={SUBSCRIPTION_ID_META_KEY: ctx.request_id})

    def gauges(self) -> dict[str, float]:
        """Returns the open streams."""
        return {"listen_streams": len(self._streams)}

    def close(self) -> None:
        """Ends every open stream, after the waiting events and the result as the final frame."""
        for stream in self._streams:
            stream.close()

    async def _serve(self, ctx: Context, stream: Stream) -> None:
        meta: dict[str, Any] = {SUBSCRIPTION_ID_META_KEY: ctx.request_id}

        async def send(notification: Any) -> None:
            async with asyncio.timeout(SECONDS_TO_TAKE):
                await ctx.session.send_notification(notification, related_request_id=ctx.request_id)

        acknowledged = SubscriptionsAcknowledgedNotificationParams(
            notifications=stream.honored, _meta=meta
        )
        await send(SubscriptionsAcknowledgedNotification(params=acknowledged))
        async for event in stream.events():
            if task := await self._news(stream, event):
                params = {**task, "_meta": meta}
                await send(Notification[dict[str, Any], str](method=TASK_NEWS, params=params))
            # Checked again: permissions may have changed since the caller began to listen.
            if stream.asked_for(event) and (
                not isinstance(event, ResourceUpdated) or await self._may_read(event.uri)
            ):
                await send(event_to_notification(event, meta))

    async def _news(self, stream: Stream, event: ServerEvent) -> dict[str, Any] | None:
        """Returns the task that `event` is about, if the stream follows it."""
        if self.tasks is None or not isinstance(event, ResourceUpdated):
            return None
        task_id = stream.tasks.get(event.uri)
        return await self.tasks.news(task_id) if task_id else None

    async def _honored(
        self, ctx: Context, asked: SubscriptionFilter
    ) -> tuple[SubscriptionFilter, dict[str, str]]:
        """Returns the accepted part of the filter, for the acknowledgement, and the tasks by URI.

        Leaves out resources and tasks that are unknown, or forbidden for the caller.
        """
        uris = dict.fromkeys(asked.resource_subscriptions or ())
        task_ids = dict.fromkeys(_task_ids(asked) if self.tasks else ())
        if len(uris) + len(task_ids) > MAX_URIS or any(
            len(name) > LONGEST_URI for name in (*uris, *task_ids)
        ):
            raise MCPError(
                INVALID_PARAMS,
                f"resourceSubscriptions: at most {MAX_URIS} URIs of at most {LONGEST_URI} "
                f"characters, including taskIds; got {len(uris) + len(task_ids)}. Listen to the "
                "rest in another stream.",
            )
        readable = [uri for uri in uris if await self._may_read(uri)]
        tasks = await self.tasks.followed(ctx, list(task_ids)) if self.tasks and task_ids else {}
        more: dict[str, Any] = {TASK_IDS: list(tasks.values())} if tasks else {}
        honored = SubscriptionFilter(
            tools_list_changed=asked.tools_list_changed or None,
            prompts_list_changed=asked.prompts_list_changed or None,
            resources_list_changed=asked.resources_list_changed or None,
            resource_subscriptions=readable or None,
            **more,
        )
        return honored, tasks

    def _refuse_too_many(self, client: str) -> None:
        if len(self._streams) >= self._limit:
            raise _too_many(f"this replica has {self._limit} open", "Try again later.")
        if client and self._of_client[client] >= self._limit_per_client:
            raise _too_many(f"you have {self._limit_per_client} open", "Close one of them.")


def _remembering(may_read: MayRead) -> MayRead:
    """Wraps `may_read`: the result is cached for all streams of the same token."""
    asked: dict[tuple[str | None, str], tuple[float, asyncio.Future[bool]]] = {}

    async def may_read_now(uri: str) -> bool:
        token = get_access_token()
        key, now = (token.token if token else None, uri), time.monotonic()
        if key not in asked or asked[key][0] < now:
            if len(asked) >= MAX_KNOWN:
                asked.clear()
            # A task of its own: it goes on for other streams if the first one is closed.
            asked[key] = (now + SECONDS_KNOWN, asyncio.ensure_future(may_read(uri)))
        return await asyncio.shield(asked[key][1])

    return may_read_now


def _task_ids(asked: SubscriptionFilter) -> list[str]:
    """Returns the filter's ``taskIds``, a key of the tasks extension.

    Raises:
        MCPError: -32602 it is not a list of strings.
    """
    found = (asked.model_extra or {}).get(TASK_IDS) or []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise MCPError(INVALID_PARAMS, f"{TASK_IDS} must be a list of strings, not {found!r:.100}.")
    return found


def _expiry() -> float | None:
    """Returns when the caller's token expires, on the event loop's clock; None for never."""
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
