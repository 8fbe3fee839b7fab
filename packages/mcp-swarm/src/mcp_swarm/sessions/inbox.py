"""The inbox of a replica: a Redis stream of messages from other replicas.

One blocking connection reads it, for all streams and calls of the replica.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from mcp_swarm.redis import permissions

logger = logging.getLogger(__name__)

# Seconds that a read blocks, and seconds between a failed read and the next one.
WAIT, PAUSE = 5.0, 0.5
MAX_AT_ONCE = 500

Message = dict[str, str]


class Inbox:
    """Reads the inbox of a replica.

    Args:
        redis: a client for blocking commands.
        key: of the stream.
        hear: handles each message, in order.

    Attributes:
        last: position of the last message that was handled.
    """

    def __init__(self, redis: Redis, key: str, hear: Callable[[Message], Awaitable[None]]) -> None:
        self._redis = redis
        self._key = key
        self._hear = hear
        self.last = "0-0"

    async def run(self) -> None:
        """Reads until it is cancelled, also across outages of Redis."""
        while True:
            try:
                async with asyncio.timeout(2 * WAIT):  # for a Redis that hangs
                    found: Any = await self._redis.xread(
                        {self._key: self.last}, count=MAX_AT_ONCE, block=int(WAIT * 1000)
                    )
            except (RedisError, OSError) as error:
                permissions.report(error)
                logger.debug("the inbox cannot be read: %s", error)
                await asyncio.sleep(PAUSE)
                continue
            for _, entries in found or ():
                for number, fields in entries:
                    self.last = number.decode()
                    await self._take({k.decode(): v.decode() for k, v in fields.items()})

    async def _take(self, message: Message) -> None:
        try:
            await self._hear(message)
        except Exception:  # one bad message must not stop the others
            logger.exception("a message from another replica cannot be handled: %r", message)
