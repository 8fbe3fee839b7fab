"""The bus over Redis (``REDIS_URL=redis://…``): events of one replica reach all replicas.

It uses publish/subscribe on one channel, which stores nothing. So a replica that reconnects makes its
listeners refetch, and a replica that could not publish makes all replicas refetch later.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.subscriptions import ResourceUpdated, ServerEvent
from mcp.shared.subscriptions import event_to_notification
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from mcp_swarm.events.bus import LISTS, Listener, LocalBus, Uris
from mcp_swarm.redis import Store

logger = logging.getLogger(__name__)

# Seconds without a message after which Redis is pinged; then the same time for its answer.
HEARTBEAT = 2.0
# Seconds that the start waits for Redis, so that the first listener misses nothing.
START = 1.0
# Seconds between attempts to reconnect: the first, and the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0

# A notification of 2025-11-25 up to its URI.
_UPDATED = '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":'

_REFETCH = json.dumps({"kind": "refetch"})
_KINDS: dict[str, ServerEvent] = {type(event).__name__: event for event in LISTS}


class SharedBus:
    """The bus of all replicas that share the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._local = LocalBus()
        self._hearing = False  # whether this process listens: another kind only publishes
        self._redis = store.availability
        self._heard = asyncio.Event()  # whether the channel was ever open
        self._missed = False  # whether an event of ours did not reach the other replicas

    async def publish(self, event: ServerEvent) -> None:
        """See ``Bus``. While Redis is unavailable only listeners of this process are notified."""
        if self._hearing and not self._redis.is_available:  # known to be unavailable: do not wait
            self._miss(event)
            return
        try:
            await self._make_up()
            await self._send(_encode(event))
            await self._notify_sessions(event)
        except (RedisError, OSError) as error:
            logger.warning("an event reaches only this replica's clients: %s", error)
            self._redis.lost(error)
            self._miss(event)
        else:
            self._redis.found()

    def subscribe(self, listener: Listener, uris: Uris = tuple) -> Callable[[], None]:
        """See ``Bus``."""
        return self._local.subscribe(listener, uris)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[list["asyncio.Task[None]"]]:
        """Receives the events of all replicas. Waits a moment for Redis, or starts without it."""
        self._hearing = True
        hearing = asyncio.create_task(self._hear(), name="the channel of events")
        try:
            await asyncio.wait_for(self._heard.wait(), START)
        except TimeoutError:
            self._redis.lost(RedisConnectionError(f"no answer within {START:g} s"))
        try:
            yield [hearing]
        finally:
            self._hearing = False
            hearing.cancel()
            await asyncio.wait({hearing})

    async def _hear(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                async with self._store.waiting.pubsub() as channel:
                    async with asyncio.timeout(HEARTBEAT):
                        await channel.subscribe(self._store.events)
                    pause = FIRST_PAUSE
                    await self._follow(channel)
            except (RedisError, OSError) as error:  # TimeoutError is an OSError
                if self._redis.is_available or pause == FIRST_PAUSE:
                    logger.warning("events of other replicas are not received: %s", error)
                self._redis.lost(error)
            except Exception:  # a bug of ours or a library's costs one event, not all later ones
                logger.exception("receiving events failed; it starts again")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _follow(self, channel: Any) -> None:
        """Handles messages until the connection is lost.

        Raises:
            RedisError, OSError: the connection is lost.
        """
        asked = False
        while True:
            # The outer timeout is for redis-py's reconnect inside, which has none of its own.
            async with asyncio.timeout(2 * HEARTBEAT):
                message = await channel.get_message(timeout=HEARTBEAT)
                if message is None:
                    if asked:
                        raise RedisConnectionError(f"Redis is silent for {2 * HEARTBEAT:g} s")
                    await channel.ping()
                    asked = True
                    continue
            asked = False
            await self._take(message)

    async def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":  # after a reconnect: earlier events are lost
            self._local.refetch()
        elif message["type"] == "message":
            self._pass_on(message["data"])
        self._heard.set()
        self._redis.found()
        await self._make_up()

    def _pass_on(self, data: bytes) -> None:
        if data == _REFETCH.encode():
            self._local.refetch()
        elif event := _decode(data):
            self._local.notify(event)

    async def _make_up(self) -> None:
        """Makes all replicas refetch, if an event of ours did not reach them."""
        if self._missed:
            await self._send(_REFETCH)
            for event in LISTS:
                await self._notify_sessions(event)
            if self._store.sessions:
                await self._store.sessions.notify_of_all(_UPDATED)
            self._missed = False

    async def _notify_sessions(self, event: ServerEvent) -> None:
        """Appends the event to the GET streams of sessions (2025-11-25 and older), once."""
        if self._store.sessions:
            uri = event.uri if isinstance(event, ResourceUpdated) else None
            await self._store.sessions.notify(uri, _notification(event))

    def _miss(self, event: ServerEvent) -> None:
        self._missed = True
        self._local.notify(event)

    async def _send(self, message: str) -> None:
        await self._store.redis.publish(self._store.events, message)


def _notification(event: ServerEvent) -> str:
    if isinstance(event, ResourceUpdated):
        return f"{_UPDATED}{json.dumps(event.uri)}}}}}"
    return json.dumps({"jsonrpc": "2.0", "method": event_to_notification(event, {}).method})


def _encode(event: ServerEvent) -> str:
    if isinstance(event, ResourceUpdated):
        return json.dumps({"kind": "ResourceUpdated", "uri": event.uri})
    return json.dumps({"kind": type(event).__name__})


def _decode(data: bytes) -> ServerEvent | None:
    """Returns the event; None for an unknown kind, which a newer release may have sent."""
    try:
        message = json.loads(data)
        if message["kind"] == "ResourceUpdated":
            return ResourceUpdated(uri=str(message["uri"]))
        return _KINDS.get(message["kind"])
    except (ValueError, KeyError, TypeError):
        logger.warning("a message on the events channel is not an event: %.100r", data)
        return None
