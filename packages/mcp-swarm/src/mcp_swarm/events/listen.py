"""``subscriptions/listen`` (2026-07-28): one call is one open stream of events.

A client hears what it asked for and may read. Events that wait for a slow client are kept once
each, so a backlog is never longer than what the client listens to. Limits: ``MCP_LISTEN_LIMIT``,
``MCP_LISTEN_LIMIT_PER_CLIENT``. Sources: 2026-07-28, basic/patterns/subscriptions; for
``taskIds`` the tasks extension (SEP-2663), "Task Status Notifications".
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

# Seconds that a client may leave a frame untaken before its place is given to another.
SECONDS_TO_TAKE = 30.0

# Seconds that a caller's right to a resource is taken for known: an event looks it up for each
# stream, and there may be thousands. How many such rights are kept at most.
SECONDS_KNOWN, MAX_KNOWN = 1.0, 10_000

MayRead = Callable[[str], Awaitable[bool]]
Context = ServerRequestContext[Any, Any]


class Tasks(Protocol):
    """What the tasks extension adds to a stream: for each of ``taskIds`` the task itself."""

    async def followed(self, ctx: Context, task_ids: list[str]) -> dict[str, str]:
        """Those of them that are the caller's, by the URI that is told as updated.

        Raises:
            MCPError: -32021 the request does not declare the extension.
        """

    async def news(self, task_id: str) -> dict[str, Any] | None:
        """The task as ``tasks/get`` would tell it now; None if it is gone."""


class Listen:
    """The handler of ``subscriptions/listen`` on a replica.

    Args:
        bus: where events come from.
        may_read: whether the caller of the running request may read a resource.
        limit: open streams of this replica.
        limit_per_client: of one authenticated caller.

    Attributes:
        tasks: of the tasks extension, where it is offered.
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
        """Serves one stream until the client leaves, its token expires or the replica stops.

        Raises:
            MCPError: -31003 no more streams, -32602 too many or too long URIs, -32021 tasks are
                asked for without their extension.
        """
        if ctx.request_id is None:
            raise MCPError(INVALID_REQUEST, "subscriptions/listen needs a request id")
        client = identity.current().principal
        self._refuse_too_many(client)
        stream = Stream(*await self._honored(ctx, params.notifications))
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
            # Asked again: what the caller may read may have changed since it began to listen.
            if stream.asked_for(event) and (
                not isinstance(event, ResourceUpdated) or await self._may_read(event.uri)
            ):
                await send(event_to_notification(event, meta))

    async def _news(self, stream: Stream, event: ServerEvent) -> dict[str, Any] | None:
        """The task that `event` is about, if the stream follows it."""
        if self.tasks is None or not isinstance(event, ResourceUpdated):
            return None
        task_id = stream.tasks.get(event.uri)
        return await self.tasks.news(task_id) if task_id else None

    async def _honored(
        self, ctx: Context, asked: SubscriptionFilter
    ) -> tuple[SubscriptionFilter, dict[str, str]]:
        """What the caller will hear, as the acknowledgement tells it, and its tasks by URI.

        Unknown resources and tasks, and those that are not for it, are left out alike.
        """
        uris = dict.fromkeys(asked.resource_subscriptions or ())
        task_ids = dict.fromkeys(_task_ids(asked) if self.tasks else ())
        if len(uris) + len(task_ids) > MAX_URIS or any(
            len(name) > LONGEST_URI for name in (*uris, *task_ids)
        ):
            raise MCPError(
                INVALID_PARAMS,
                f"resourceSubscriptions: at most {MAX_URIS} URIs of at most {LONGEST_URI} "
                f"characters, taskIds among them; {len(uris) + len(task_ids)} given. Listen to "
                "the rest in another stream.",
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
    """`may_read`, asked once for all streams of one token that an event comes to."""
    asked: dict[tuple[str | None, str], tuple[float, asyncio.Future[bool]]] = {}

    async def may_read_now(uri: str) -> bool:
        token = get_access_token()
        key, now = (token.token if token else None, uri), time.monotonic()
        if key not in asked or asked[key][0] < now:
            if len(asked) >= MAX_KNOWN:
                asked.clear()
            # A task of its own: it goes on for the others when the stream that asked is closed.
            asked[key] = (now + SECONDS_KNOWN, asyncio.ensure_future(may_read(uri)))
        return await asyncio.shield(asked[key][1])

    return may_read_now


def _task_ids(asked: SubscriptionFilter) -> list[str]:
    """What an extension's key of the filter holds.

    Raises:
        MCPError: -32602 no list of strings.
    """
    found = (asked.model_extra or {}).get(TASK_IDS) or []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise MCPError(INVALID_PARAMS, f"{TASK_IDS} must be a list of strings, not {found!r:.100}.")
    return found


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
