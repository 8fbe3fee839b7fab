"""The services that a call of a session uses."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mcp.server.lowlevel.server import Server
from mcp_types import JSONRPCRequest
from redis.exceptions import RedisError

from mcp_swarm.redis.sessions import HEARTBEAT_EVERY, SessionStore
from mcp_swarm.sessions.channel import SessionChannel
from mcp_swarm.sessions.client_requests import ClientRequests


@dataclass(frozen=True)
class SessionServices:
    """The services that sessions share on this replica.

    Attributes:
        replica: id of this replica.
        store: what the replicas share.
        client_requests: requests of this replica to clients.
        server: answers what the fast path does not.
        lifespan_state: of the server.
        may_repeat: returns whether a request may run twice.
        ttl: seconds that an unused session is kept.
        spawn: runs work in the background, which may outlive the request that started it.
    """

    replica: str
    store: SessionStore
    client_requests: ClientRequests
    server: Server[Any]
    lifespan_state: Any
    may_repeat: Callable[[JSONRPCRequest], bool]
    ttl: float
    spawn: Callable[[Awaitable[None]], None]

    def channel(self, session: str) -> SessionChannel:
        """Returns the channel for messages that belong to no call."""
        return SessionChannel(session, self.store, self.client_requests)

    async def until_back(self) -> None:
        """Waits, after an error of Redis, until it may be tried again."""
        availability = self.store.connection.availability
        if availability.is_available:  # the command failed anyway
            await asyncio.sleep(HEARTBEAT_EVERY)
        await availability.wait_until_back()

    async def end_get_stream(self, session: str) -> None:
        """Ends the GET stream of a session, on whichever replica."""
        with suppress(RedisError, OSError):
            await self.store.send_to_all(kind="end", session=session)
