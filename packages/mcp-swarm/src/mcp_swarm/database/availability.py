"""The availability of the database: while it does not answer, calls get an error within 2 s.

A connection to a lost host reports no error: a statement on it waits for minutes. So when a call takes
longer than usual, a new connection is opened as a probe. If that fails, the database is considered
unavailable: waiting calls and open connections are ended, and further calls fail at once, until a
probe succeeds. A statement that is only slow goes on.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastmcp.exceptions import FastMCPError
from mcp.shared.exceptions import MCPError

from mcp_swarm.errors import DATABASE_UNAVAILABLE

logger = logging.getLogger(__name__)

# Seconds. The first two add up to less than the two seconds in which a call is answered.
QUIET_SECONDS = 0.3  # a call that takes longer asks for a probe
PROBE_SECONDS = 1.2  # a probe without an answer has failed
WAIT_SECONDS = 1.8  # to get a connection
BETWEEN_PROBES = 0.5


class UnavailableError(MCPError, FastMCPError):
    """The database does not answer, or has no connection left: code -31011.

    It is also a FastMCPError, which FastMCP logs without a traceback: there is one per call.
    """

    def __init__(self, reason: str, *, outcome_is_unknown: bool = False) -> None:
        again = "Try again in a moment."
        data: dict[str, Any] = {"retryable": True, "retryAfter": 1}
        if outcome_is_unknown:
            again = "Check whether the change was made before you try again."
            data = {"retryable": False, "outcome": "unknown"}
        message = f"The database is not available right now: {reason}. {again}"
        super().__init__(DATABASE_UNAVAILABLE, message, data)
        self.log_level = logging.WARNING


class Availability:
    """Probes whether the database answers, and ends calls that would wait in vain.

    Args:
        connect: opens a connection beside the pool.
        size: connections of the pool.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], size: int) -> None:
        self._connect = connect
        self._slots = asyncio.Semaphore(size)
        self._is_unavailable = False
        self._quiet: set[Call] = set()
        self._waiting: set[asyncio.Timeout] = set()
        self._connections: set[Any] = set()
        self._probing: asyncio.Task[None] | None = None

    def note(self, connection: Any) -> None:
        """Remembers a connection of the pool, to end it when the database is unavailable."""
        self._connections = {one for one in self._connections if not one.is_closed()}
        self._connections.add(connection)

    @asynccontextmanager
    async def call(self) -> "AsyncIterator[Call]":
        """Gives the block one of the slots for connections, and asks for probes while it lasts long.

        Raises:
            UnavailableError: the database does not answer, or no slot was free in time.
        """
        if self._is_unavailable:
            raise UnavailableError("it does not answer")
        call = Call(self)
        timer = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._is_quiet, call)
        try:
            # Not in SQLAlchemy's pool, which is slow to end thousands of waiting calls.
            async with call.connecting():
                await self._slots.acquire()
            try:
                yield call
            finally:
                self._slots.release()
        finally:
            timer.cancel()
            self._quiet.discard(call)

    @asynccontextmanager
    async def until(self, deadline: float) -> AsyncIterator[None]:
        """Ends the block at `deadline`, or when the database is unavailable.

        Raises:
            UnavailableError: it was ended, or failed.
        """
        try:
            async with asyncio.timeout_at(deadline) as limit:
                self._waiting.add(limit)
                try:
                    yield
                finally:
                    self._waiting.discard(limit)
        except Exception as error:
            raise UnavailableError(self._reason(error)) from error

    def suspect(self) -> None:
        """Starts a probe now."""
        if self._probing is None:
            self._probing = asyncio.get_running_loop().create_task(self._probe_while_needed())

    async def close(self) -> None:
        """Ends the probes."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait({self._probing})

    def _is_quiet(self, call: "Call") -> None:
        self._quiet.add(call)
        self.suspect()

    def _reason(self, error: Exception) -> str:
        if self._is_unavailable:
            return "it does not answer"
        if isinstance(error, TimeoutError) and not error.args:
            return f"no connection to it was free within {WAIT_SECONDS:g} s"
        self.suspect()
        logger.warning("no connection to the database: %s", error or type(error).__name__)
        return "it accepts no connection"

    async def _probe_while_needed(self) -> None:
        try:
            while True:
                self._judge(await self._probe())
                if not self._quiet and not self._is_unavailable:
                    return
                await asyncio.sleep(BETWEEN_PROBES)
        finally:
            self._probing = None

    async def _probe(self) -> Exception | None:
        """Opens a connection and returns the error, or None if somebody answers there."""
        import asyncpg

        try:
            async with asyncio.timeout(PROBE_SECONDS):
                connection = await self._connect()
            connection.terminate()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            is_refusal = isinstance(error, asyncpg.PostgresError)
            is_starting = isinstance(error, asyncpg.CannotConnectNowError)  # or stops, or recovers
            return None if is_refusal and not is_starting else error  # a refusal is an answer
        return None

    def _judge(self, error: Exception | None) -> None:
        was_unavailable, self._is_unavailable = self._is_unavailable, error is not None
        if error is None:
            if was_unavailable:
                logger.warning("the database answers again")
            return
        if not was_unavailable:
            reason = str(error) or f"no answer within {PROBE_SECONDS:g} s"
            logger.error("the database of DATABASE_URL is unavailable: %s", reason)
        now = asyncio.get_running_loop().time()
        for limit in self._waiting:
            if not limit.expired():
                limit.reschedule(now)
        for connection in self._connections:
            connection.terminate()  # a call that waits for an answer on it gets an error


class Call:
    """A call that uses the database, and its deadline for getting a connection."""

    def __init__(self, availability: Availability) -> None:
        self._availability = availability
        self._deadline = asyncio.get_running_loop().time() + WAIT_SECONDS

    def connecting(self) -> AbstractAsyncContextManager[None]:
        """A block in which it waits for a connection.

        Raises:
            UnavailableError: there was none in time.
        """
        return self._availability.until(self._deadline)
