"""Sends a stream from Redis to the client, over an open GET request.

It is the session's own stream (``get``), or that of a call whose client lost the connection. Over all
replicas a stream has one reader at a time: Redis gives messages only to the reader with the token.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from secrets import token_hex

from redis.exceptions import RedisError
from starlette.types import Receive, Send

from mcp_swarm.redis.sessions import (
    HEARTBEAT_EVERY,
    Events,
    Followed,
    Held,
    SessionStore,
    TakenOverCall,
)
from mcp_swarm.sessions import sse

logger = logging.getLogger(__name__)

GET = "get"
# Seconds without heartbeats, as observed here, before a call is taken over. Redis reports a replica
# dead after DEAD_AFTER; but a Redis that hung also reports live replicas dead.
SURE_AFTER = 2 * HEARTBEAT_EVERY


class StreamReader:
    """Sends one stream of a session to its client.

    Args:
        store: the store of the stream.
        replica: id of this one.
        session: id of the session.
        owner: of the session.
        name: of the stream.
        on_takeover: answers for the dead replica of a call, once.
        may_read: returns whether the client may read a resource. It is checked for each
            notification, because permissions may have changed since the subscription.
    """

    def __init__(  # noqa: PLR0917 - one for each part
        self,
        store: SessionStore,
        replica: str,
        session: str,
        owner: str,
        name: str,
        on_takeover: Callable[[TakenOverCall], None],
        may_read: Callable[[str], Awaitable[bool]],
    ) -> None:
        self.session = session
        self.owner = owner
        self.name = name
        self.token = token_hex(8)
        self._store = store
        self._replica = replica
        self._on_takeover = on_takeover
        self._may_read = may_read
        self._after = ""
        self._news = asyncio.Event()
        self._ended = False
        self._left = True  # it has no stream yet
        self._silent_since: float | None = None

    async def follow(self, after: str) -> Followed | Held | None:
        """Becomes the only reader: see ``SessionStore.follow``.

        The replica that has the stream may be dead, or not have noticed yet that the client closed
        the stream. So this waits for two heartbeats of that replica, or for their timeout.
        """
        self._left = False  # before the call, because its answer may be lost
        found = await self._follow(after)
        for _ in range(2):
            held = found
            while isinstance(found, Held) and found == held:
                await asyncio.sleep(HEARTBEAT_EVERY / 5)
                found = await self._follow(after)
        if isinstance(found, Followed):
            self._after = found.after
        else:
            self._left = True
        return found

    async def _follow(self, after: str) -> Followed | Held | None:
        return await self._store.follow(self.session, self.name, self._replica, self.token, after)

    def wake(self) -> None:
        """Signals that there are new messages."""
        self._news.set()

    def end(self) -> None:
        """Ends the stream. The client can resume on any replica."""
        self._ended = True
        self._news.set()

    async def send(
        self, receive: Receive, send: Send, *, primed: bool, resumed: bool, brief: bool
    ) -> None:
        """Sends until the client disconnects, another reader takes the stream, or the call ends.

        Args:
            receive: of the request.
            send: of the request.
            primed: whether to send an event with an id to resume after, before any other.
            resumed: whether to send that one only when the stream waits: a complete one just ends.
            brief: whether to end instead of waiting; the client then reconnects.
        """
        watching = asyncio.create_task(self._watch(receive))
        try:
            await sse.start(send, self.session)
            first = sse.priming(self._event_id(self._after)) if primed and not resumed else sse.PING
            await sse.write(send, first)
            await self._send_all(send, brief, primes=primed and resumed)
            with suppress(RedisError, OSError):
                # Before the end: a client that sees it may reconnect at once, and needs the stream.
                await self.leave()
            await sse.end(send)
        finally:
            watching.cancel()

    async def leave(self) -> None:
        """Releases the stream for the next reader.

        Raises:
            RedisError, OSError: Redis does not answer: call it again later.
        """
        if not self._left:
            await self._store.leave(self.session, self.name, self.token)
            self._left = True

    async def _send_all(self, send: Send, brief: bool, *, primes: bool) -> None:
        sent = time.monotonic()
        while not self._ended:
            self._news.clear()
            try:
                found = await self._store.read(self.session, self.name, self.token, self._after)
            except (RedisError, OSError):
                found = Events((), done=False, running=True)  # the messages are read later
            if found is None:
                return
            for position, data, uri in found.events:
                if not uri or await self._may_read(uri):
                    await sse.write(send, sse.event(self._event_id(position), data))
                    sent, primes = time.monotonic(), False
                self._after = position
            if found.events:
                continue
            if found.done:
                return
            if primes:
                retry = sse.AT_ONCE if brief else sse.RETRY
                await sse.write(send, sse.priming(self._event_id(self._after), retry))
                primes = False
            if brief:
                return
            if time.monotonic() - sent >= sse.PING_EVERY:
                await sse.write(send, sse.PING)
                sent = time.monotonic()
            await self._wait(found)

    async def _wait(self, found: Events) -> None:
        """Waits for new messages. Of a call it also checks often that its replica is alive."""
        if self.name != GET:
            await self._look_after(found)
        with suppress(TimeoutError):
            async with asyncio.timeout(sse.PING_EVERY if self.name == GET else HEARTBEAT_EVERY):
                await self._news.wait()

    async def _look_after(self, found: Events) -> None:
        if found.running:
            self._silent_since = None
            return
        self._silent_since = self._silent_since or time.monotonic()
        if time.monotonic() - self._silent_since < SURE_AFTER:
            return
        await self._take_over()

    async def _take_over(self) -> None:
        """Retries until Redis answers: a call that was taken over but not run would never end."""
        token = token_hex(8)  # of this attempt: a later one does not get the running call
        while True:
            try:
                taken_over = await self._store.take_over(
                    self.session, self.name, self._replica, token
                )
            except (RedisError, OSError):
                await asyncio.sleep(HEARTBEAT_EVERY)
                continue
            if taken_over:
                self._on_takeover(taken_over)
            return

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.end()

    def _event_id(self, position: str) -> str:
        return f"{self.name}.{position}"
