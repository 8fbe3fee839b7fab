"""The shared Redis of ``REDIS_URL``: its connections, all key names, lifetimes and scripts.

With ``memory://`` there is no store: whatever is shared lives in the process. Every key begins
with the service's name (``MCP_NAME``), so services may share one Redis, and every key expires.
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
from mcp_swarm.redis import permissions
from mcp_swarm.redis.pipeline import PipelinedConnection
from mcp_swarm.redis.sessions import SessionStore

# Seconds. A caller is told at once that the store is gone, rather than kept waiting for it.
CONNECT_TIMEOUT, COMMAND_TIMEOUT = 1.0, 2.0

# For short commands of one replica: many calls at once share them.
MAX_CONNECTIONS = 16


class Store:
    """Redis as this service sees it.

    Args:
        url: ``redis://`` or ``rediss://``.
        service: the service's name, the first part of every key.
        session_ttl: seconds that an unused session is kept; None if there are no sessions.
    """

    def __init__(self, url: str, service: str, session_ttl: float | None = None) -> None:
        self.url = url
        self.service = service
        self._session_ttl = session_ttl

    @cached_property
    def sessions(self) -> SessionStore | None:
        """Sessions that replicas share, on a connection of their own; None if there are none."""
        if self._session_ttl is None:
            return None
        return SessionStore(
            PipelinedConnection(self.url, COMMAND_TIMEOUT), self.service, self._session_ttl
        )

    @cached_property
    def redis(self) -> Redis:
        """For short commands: a pool that gives up soon, and tries a stale connection anew."""
        pool = BlockingConnectionPool.from_url(
            self.url,
            max_connections=MAX_CONNECTIONS,
            timeout=COMMAND_TIMEOUT,  # then the command fails, as it does if Redis is away
            socket_connect_timeout=CONNECT_TIMEOUT,
            socket_timeout=COMMAND_TIMEOUT,
            # not after a timeout: a Redis that hangs would be waited for three times
            retry=Retry(
                ExponentialWithJitterBackoff(base=0.05, cap=0.2),
                retries=2,
                supported_errors=(RedisConnectionError,),
            ),
        )
        return Redis.from_pool(pool)

    @cached_property
    def waiting(self) -> Redis:
        """For commands that wait (XREAD BLOCK, SUBSCRIBE): no limit on the wait for an answer."""
        return Redis.from_url(
            self.url,
            socket_connect_timeout=CONNECT_TIMEOUT,
            socket_timeout=None,
            socket_keepalive=True,
            health_check_interval=15,
        )

    def key(self, *parts: str) -> str:
        """``service:part:part``."""
        return ":".join((self.service, *parts))

    @property
    def events(self) -> str:
        """The channel of events for clients that listen; a channel keeps nothing, so never expires."""
        return self.key("events")

    async def claim(self, *name: str, seconds: int) -> bool:
        """Whether the caller is the first to claim `name` in so many seconds.

        Raises:
            RedisError, OSError: it cannot be told; nothing is claimed if Redis did not answer.
        """
        key, token = self.key(*name), uuid4().hex
        # A Redis that hangs would run later what it was sent, after the caller was refused.
        await self.redis.ping()
        async with self.redis.pipeline() as both:
            both.set(key, token, nx=True, ex=seconds)
            both.get(key)  # ours too if the connection broke and the command was sent again
            _, owner = await both.execute()
        return bool(owner == token.encode())

    async def demand_access(self, *, waits: bool = True) -> None:
        """Finds out at the start whether Redis lets this service do what it needs.

        Args:
            waits: for some seconds, while it does not.

        Raises:
            StartError: Redis answers, and does not.
        """
        await permissions.demand(self.url, self.service, waits=waits)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Closes the connections in the end; they open when they are first needed."""
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
    """Turns a failing Redis into an error that a client may act on.

    Args:
        what: the feature that cannot do without, as the message names it.

    Raises:
        MCPError: code -31002, ``data`` ``{"retryable": true}``.
    """
    try:
        yield
    except (RedisError, OSError) as error:
        permissions.report(error)
        raise unavailable(what, error) from error


def unavailable(what: str, error: BaseException | None = None) -> MCPError:
    """The error of a feature whose store does not answer, or is full."""
    why = "is full" if isinstance(error, OutOfMemoryError) else "does not answer"
    return MCPError(
        code=STORE_UNAVAILABLE,
        message=f"{what} is not available right now: the shared store {why}. Try again.",
        data={"retryable": True},
    )
