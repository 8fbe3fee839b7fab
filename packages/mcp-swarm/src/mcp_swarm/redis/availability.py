"""The availability of Redis, which all features of the process share.

Every user of Redis reports its successes and failures. The channel of events pings Redis every few
seconds, and sessions send heartbeats, so the end of an outage is noticed soon.
"""

import asyncio
import logging
from collections.abc import Callable

from redis.exceptions import ResponseError

logger = logging.getLogger(__name__)


class Availability:
    """The availability of the shared Redis, with subscribers."""

    def __init__(self) -> None:
        self.is_available = True
        self._back = asyncio.Event()
        self._subscribers: list[Callable[[], None]] = []

    def when_available(self, callback: Callable[[], None]) -> None:
        """Calls `callback` each time that Redis becomes available again."""
        self._subscribers.append(callback)

    def lost(self, error: BaseException) -> None:
        """Notes a failure. An error reply of Redis does not count."""
        if self.is_available and not isinstance(error, ResponseError):
            logger.warning("Redis does not answer: %s", error)
            self.is_available = False
            self._back.clear()

    def found(self) -> None:
        """Notes a success."""
        if not self.is_available:
            logger.warning("Redis answers again")
            self.is_available = True
            self._back.set()
            for callback in self._subscribers:
                callback()

    async def wait_until_back(self) -> None:
        """Waits for the end of an outage."""
        if not self.is_available:
            await self._back.wait()

    def unavailable(self) -> list[str]:
        """Returns ``["redis"]`` during an outage, as ``/readyz`` names it."""
        return [] if self.is_available else ["redis"]
