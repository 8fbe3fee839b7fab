"""The bus over Redis (``REDIS_URL=redis://…``): what one replica publishes, all hear.

Publish/subscribe on one channel. Redis keeps nothing for who is away, so whoever comes back
tells its listeners to refetch; who could not publish tells everyone to, once it can again.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from mcp.server.subscriptions import ResourceUpdated, ServerEvent
from mcp.shared.subscriptions import event_to_notification
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from mcp_swarm.events.bus import LISTS, Listener, LocalBus, Uris
from mcp_swarm.redis import Store

logger = logging.getLogger(__name__)

# Seconds of silence after which Redis is asked whether it is there; as long again for its answer.
HEARTBEAT = 2.0
# Seconds that the start waits for Redis, so that the first listener misses nothing.
START = 1.0
# Seconds between attempts to come back: the first, and the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0

# A notification of 2025-11-25 up to its URI.
_UPDATED = '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":'

_REFETCH = json.dumps({"kind": "refetch"})
_KINDS: dict[str, ServerEvent] = {type(event).__name__: event for event in LISTS}


class SharedBus:
    """Listeners of all replicas that share the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._local = LocalBus()
        self._hearing = False  # whether this process listens at all: one may only publish
        self._there = asyncio.Event()  # whether Redis answered last
        self._missed = False  # whether something of ours reached nobody else

    async def publish(self, event: ServerEvent) -> None:
        """See ``Bus``. While Redis is away only the listeners of this process are told."""
        if self._hearing and not self._there.is_set():  # known to be away: nobody waits for it
            self._miss(event)
            return
        try:
            await self._make_up()
            await self._send(_encode(event))
            await self._tell_sessions(event)
        except (RedisError, OSError) as error:
            logger.warning("an event reaches this replica's clients only: %s", error)
            self._there.clear()
            self._miss(event)

    def unavailable(self) -> list[str]:
        """See ``Bus``."""
        return ["redis"] if self._hearing and not self._there.is_set() else []

    def subscribe(self, listener: Listener, uris: Uris = tuple) -> Callable[[], None]:
        """See ``Bus``."""
        return self._local.subscribe(listener, uris)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[list["asyncio.Task[None]"]]:
        """Hears what is published anywhere; waits a moment for Redis, and starts without it."""
        self._hearing = True
        hearing = asyncio.create_task(self._hear(), name="the channel of events")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._there.wait(), START)
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
                if self._there.is_set() or pause == FIRST_PAUSE:
                    logger.warning("events of other replicas are not heard: %s", error)
                self._there.clear()
            except Exception:  # a mistake of ours or a library's: one event, not all that follow
                logger.exception("hearing events failed; it begins anew")
                self._there.clear()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _follow(self, channel: Any) -> None:
        """Passes messages on until the connection is lost.

        Raises:
            RedisError, OSError: it is.
        """
        asked = False
        while True:
            # The outer limit is for redis-py's reconnecting inside, which has none of its own.
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
        if message["type"] == "subscribe":  # anew: what was published meanwhile is lost
            self._local.refetch()
        elif message["type"] == "message":
            self._pass_on(message["data"])
        if not self._there.is_set():
            self._there.set()
            await self._make_up()

    def _pass_on(self, data: bytes) -> None:
        if data == _REFETCH.encode():
            self._local.refetch()
        elif event := _decode(data):
            self._local.tell(event)

    async def _make_up(self) -> None:
        """Tells everyone to refetch, if something of ours reached nobody else."""
        if self._missed:
            await self._send(_REFETCH)
            for event in LISTS:
                await self._tell_sessions(event)
            if self._store.sessions:
                await self._store.sessions.notify_of_all(_UPDATED)
            self._missed = False

    async def _tell_sessions(self, event: ServerEvent) -> None:
        """Clients up to 2025-11-25: who publishes puts it on each GET stream, so it comes once."""
        if self._store.sessions:
            uri = event.uri if isinstance(event, ResourceUpdated) else None
            await self._store.sessions.notify(uri, _notification(event))

    def _miss(self, event: ServerEvent) -> None:
        self._missed = True
        self._local.tell(event)

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
    """None for a kind that this release does not know: a newer one may be on its way in."""
    try:
        message = json.loads(data)
        if message["kind"] == "ResourceUpdated":
            return ResourceUpdated(uri=str(message["uri"]))
        return _KINDS.get(message["kind"])
    except (ValueError, KeyError, TypeError):
        logger.warning("what is on the events channel is no event: %.100r", data)
        return None
