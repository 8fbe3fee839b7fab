"""The shared Redis of ``REDIS_URL``: its connections, and the keys and scripts of each feature.

With ``memory://`` there is no store: shared state lives in the process. Every key begins with the
service's name (``MCP_NAME``), so several services can share one Redis. Every key expires.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from uuid import uuid4

from mcp.shared.exceptions import MCPError
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, RedisError

from mcp_swarm.errors import STORE_UNAVAILABLE
from mcp_swarm.redis import keys, permissions
from mcp_swarm.redis.availability import Availability
from mcp_swarm.redis.pipeline import PipelinedConnection
from mcp_swarm.redis.sessions import SessionStore

# Seconds. A short limit: a caller gets an error soon instead of waiting for a Redis that is down.
CONNECT_TIMEOUT, COMMAND_TIMEOUT = 1.0, 2.0

# Connections of one replica for short commands; concurrent calls share them.
MAX_CONNECTIONS = 16


class Store:
    """The Redis connections and keys of one service.

    Args:
        url: ``redis://`` or ``rediss://``.
        service: the service's name, the first part of every key.
        session_ttl: seconds that an unused session is kept; None if there are no sessions.
    """

    def __init__(self, url: str, service: str, session_ttl: float | None = None) -> None:
        self.url = url
        self.service = service
        self.availability = Availability()
        self._session_ttl = session_ttl

    @cached_property
    def sessions(self) -> SessionStore | None:
        """The sessions that replicas share, on their own connection; None without sessions."""
        if self._session_ttl is None:
            return None
        return SessionStore(
            PipelinedConnection(self.url, COMMAND_TIMEOUT, self.availability),
            self.service,
            self._session_ttl,
        )

    @cached_property
    def redis(self) -> Redis:
        """A client for short commands. It times out soon, and reopens a stale connection."""
        pool = BlockingConnectionPool.from_url(
            self.url,
            max_connections=MAX_CONNECTIONS,
            timeout=COMMAND_TIMEOUT,  # then the command fails, as if Redis were unavailable
            socket_connect_timeout=CONNECT_TIMEOUT,
            socket_timeout=COMMAND_TIMEOUT,
            # no retry after a timeout: a caller would wait three times for a Redis that hangs
            retry=Retry(
                ExponentialWithJitterBackoff(base=0.05, cap=0.2),
                retries=2,
                supported_errors=(RedisConnectionError,),
            ),
        )
        return Redis.from_pool(pool)

    @cached_property
    def waiting(self) -> Redis:
        """A client for blocking commands (XREAD BLOCK, SUBSCRIBE): it has no read timeout."""
        return Redis.from_url(
            self.url,
            socket_connect_timeout=CONNECT_TIMEOUT,
            socket_timeout=None,
            socket_keepalive=True,
            health_check_interval=15,
        )

    def key(self, *parts: str) -> str:
        """Returns the key ``service:part:part``; an id is ``keys.tag(id)``."""
        return keys.key(self.service, *parts)

    @property
    def events(self) -> str:
        """The pub/sub channel of events for clients that listen. A channel stores nothing."""
        return self.key("events")

    async def claim(self, *name: str, seconds: int) -> bool:
        """Returns whether the caller is the first to claim `name` within `seconds`.

        Raises:
            RedisError, OSError: the result is unknown. If Redis did not answer, nothing is claimed.
        """
        key, token = self.key(*name), uuid4().hex
        # A Redis that hangs runs the commands later, when the caller already has its error.
        await self.redis.ping()
        async with self.redis.pipeline() as both:
            both.set(key, token, nx=True, ex=seconds)
            both.get(key)  # still our token if the connection broke and SET was sent twice
            _, owner = await both.execute()
        return bool(owner == token.encode())

    async def demand_access(self, *, waits: bool = True) -> None:
        """Checks at the start that Redis grants this service the permissions it needs.

        Args:
            waits: whether to retry for some seconds while Redis denies them.

        Raises:
            StartError: Redis answers and denies them.
        """
        await permissions.demand(self.url, self.service, waits=waits)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Closes the connections at the end. They open on first use."""
        try:
            yield
        finally:
            for name in ("redis", "waiting"):
                if client := self.__dict__.pop(name, None):
                    await client.aclose()
            if sessions := self.__dict__.pop("sessions", None):
                await sessions.connection.close()


@asynccontextmanager
async def redis_required(what: str) -> AsyncIterator[None]:
    """Turns an error of Redis into an error that a client can act on.

    Args:
        what: the feature that needs Redis, as the message names it.

    Raises:
        MCPError: code -31002, ``data`` ``{"retryable": true}``.
    """
    try:
        yield
    except (RedisError, OSError) as error:
        permissions.report(error)
        raise unavailable(what, error) from error


def unavailable(what: str, error: BaseException | None = None) -> MCPError:
    """Returns the error for a feature whose store does not answer or is full."""
    why = "is full" if isinstance(error, OutOfMemoryError) else "does not answer"
    return MCPError(
        code=STORE_UNAVAILABLE,
        message=f"{what} is not available right now: the shared store {why}. Try again.",
        data={"retryable": True},
    )
