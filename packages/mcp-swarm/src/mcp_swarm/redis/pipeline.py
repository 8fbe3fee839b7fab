"""A pipelined Redis connection: commands issued in one turn of the event loop are sent together.

Each caller waits only for its own answer. After an error or a timeout Redis counts as unavailable:
callers fail at once, until a probe gets an answer.
"""

import asyncio
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from typing import Any

from redis.asyncio import Connection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError

from mcp_swarm.redis import permissions
from mcp_swarm.redis.availability import Availability

# Commands in one batch. Redis serves other clients between two batches.
MAX_AT_ONCE = 200


@dataclass(frozen=True)
class Script:
    """A Lua script, which Redis runs atomically."""

    text: str

    @cached_property
    def digest(self) -> str:
        """The SHA-1 by which EVALSHA names it."""
        return sha1(self.text.encode()).hexdigest()  # noqa: S324 - Redis's own naming


@dataclass
class _Pending:
    script: Script
    arguments: tuple[Any, ...]
    answer: "asyncio.Future[Any]"

    def settle(self, outcome: Any) -> None:
        if self.answer.done():  # the caller was cancelled
            return
        if isinstance(outcome, BaseException):
            permissions.report(outcome)
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class PipelinedConnection:
    """Runs scripts on one connection.

    Args:
        url: ``redis://`` or ``rediss://``.
        seconds: how long Redis may take to answer before it counts as unavailable.
        availability: gets each success and failure, and decides whether commands are sent.
    """

    def __init__(self, url: str, seconds: float, availability: Availability) -> None:
        self.url = url
        self.seconds = seconds
        self.availability = availability
        self._pending: list[_Pending] = []
        self._sending: asyncio.Task[None] | None = None

    @cached_property
    def _pool(self) -> ConnectionPool:
        """Opens connections. It never retries: a script whose answer was lost may have run.

        Commands have no timeout of their own: each batch has one.
        """
        return ConnectionPool.from_url(
            self.url,
            socket_connect_timeout=self.seconds,
            socket_timeout=None,
            retry=Retry(NoBackoff(), 0),
        )

    @cached_property
    def _connection(self) -> Connection:
        """The one connection: taking it from a pool would cost more than the batch itself."""
        made: Connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        return made

    async def run(self, script: Script, *arguments: Any, probe: bool = False) -> Any:
        """Returns what `script` returns.

        Args:
            script: to run. It gets no KEYS: it builds key names from its arguments.
            arguments: its ARGV.
            probe: send it even if Redis is unavailable, to find out whether it answers again.

        Raises:
            RedisError, OSError: Redis does not answer, or the script failed.
        """
        if not self.availability.is_available and not probe:
            raise RedisConnectionError("Redis does not answer")
        pending = _Pending(script, arguments, asyncio.get_running_loop().create_future())
        self._pending.append(pending)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await pending.answer

    async def close(self) -> None:
        """Closes the connection. Pending callers get an error."""
        if self._sending:
            self._sending.cancel()
            await asyncio.wait({self._sending})
        if connection := self.__dict__.pop("_connection", None):
            await connection.disconnect()

    async def _send(self) -> None:
        batch: list[_Pending] = []
        try:
            await asyncio.sleep(0)  # so that the batch has all commands of this turn of the loop
            while self._pending:
                batch, self._pending = self._pending[:MAX_AT_ONCE], self._pending[MAX_AT_ONCE:]
                await self._exchange(batch)
        except asyncio.CancelledError:
            self._fail([*batch, *self._pending], RedisConnectionError("the connection was closed"))
            raise
        finally:
            self._sending = None

    async def _exchange(self, batch: list[_Pending]) -> None:
        try:
            async with asyncio.timeout(self.seconds):
                outcomes = await self._evaluate(batch)
        except (RedisError, OSError) as error:
            self.availability.lost(error)
            waiting, self._pending = self._pending, []
            self._fail([*batch, *waiting], error)
            return
        for pending, outcome in zip(batch, outcomes, strict=True):
            pending.settle(outcome)
        self.availability.found()

    async def _evaluate(self, batch: list[_Pending]) -> list[Any]:
        """Returns results in the order of `batch`. Sends the text of scripts unknown to Redis."""
        outcomes = await self._ask([("EVALSHA", a.script.digest, 0, *a.arguments) for a in batch])
        unknown = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, NoScriptError)]
        if unknown:
            texts = [("EVAL", batch[n].script.text, 0, *batch[n].arguments) for n in unknown]
            for number, outcome in zip(unknown, await self._ask(texts), strict=True):
                outcomes[number] = outcome
        return outcomes

    async def _ask(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """Returns Redis' answer to each command; an error reply is an exception in the list."""
        connection = self._connection
        await self._pool.ensure_connection(connection)  # reconnects if Redis has closed it
        await connection.send_packed_command(connection.pack_commands(commands))
        return [await _read(connection) for _ in commands]

    @staticmethod
    def _fail(batch: list[_Pending], error: Exception) -> None:
        for pending in batch:
            pending.settle(error)


async def _read(connection: Connection) -> Any:
    """Returns the next answer. Other failures close the connection: its answers are out of step."""
    try:
        return await connection.read_response(disable_decoding=True)
    except ResponseError as error:
        return error
