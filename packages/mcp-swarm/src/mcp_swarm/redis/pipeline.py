"""One connection for many callers: what is asked at the same moment travels together.

Every caller waits for its own answer only. A Redis that fails or does not answer in time is
"away" from then on: callers fail at once instead of waiting, until it has answered again.
"""

import asyncio
import logging
from collections.abc import Callable
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

logger = logging.getLogger(__name__)

# Most commands in one go: Redis serves others between two goes.
MAX_AT_ONCE = 200


@dataclass(frozen=True)
class Script:
    """Lua that runs in Redis as one step."""

    text: str

    @cached_property
    def digest(self) -> str:
        """As EVALSHA names it."""
        return sha1(self.text.encode()).hexdigest()  # noqa: S324 - Redis's own naming


@dataclass
class _Pending:
    script: Script
    arguments: tuple[Any, ...]
    answer: "asyncio.Future[Any]"

    def settle(self, outcome: Any) -> None:
        if self.answer.done():  # who asked was cancelled
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
        seconds: how long Redis may take to answer before it counts as away.
    """

    def __init__(self, url: str, seconds: float) -> None:
        self.url = url
        self.seconds = seconds
        self.is_unavailable = False
        self._asked: list[_Pending] = []
        self._sending: asyncio.Task[None] | None = None
        self._back: list[Callable[[], None]] = []

    @cached_property
    def _pool(self) -> ConnectionPool:
        """Knows how to connect; no retry, because a script whose answer was lost may have run.

        Commands have no limit of their own: there is one for each exchange.
        """
        return ConnectionPool.from_url(
            self.url,
            socket_connect_timeout=self.seconds,
            socket_timeout=None,
            retry=Retry(NoBackoff(), 0),
        )

    @cached_property
    def _connection(self) -> Connection:
        """The one connection: a pool would cost each exchange more than what it asks."""
        made: Connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        return made

    def when_available(self, callback: Callable[[], None]) -> None:
        """Calls `callback` each time that Redis answers again after it was away."""
        self._back.append(callback)

    async def run(self, script: Script, *arguments: Any, probe: bool = False) -> Any:
        """What `script` returns.

        Args:
            script: to run, without keys: it makes their names of its arguments.
            arguments: its ARGV.
            probe: ask even if Redis is away, to find out whether it is back.

        Raises:
            RedisError, OSError: Redis does not answer, or the script failed.
        """
        if self.is_unavailable and not probe:
            raise RedisConnectionError("Redis does not answer")
        asked = _Pending(script, arguments, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await asked.answer

    async def close(self) -> None:
        """Closes the connection; who still waits gets an error."""
        if self._sending:
            self._sending.cancel()
            await asyncio.wait({self._sending})
        if connection := self.__dict__.pop("_connection", None):
            await connection.disconnect()

    async def _send(self) -> None:
        batch: list[_Pending] = []
        try:
            await asyncio.sleep(0)  # all that is asked in this turn of the loop goes along
            while self._asked:
                batch, self._asked = self._asked[:MAX_AT_ONCE], self._asked[MAX_AT_ONCE:]
                await self._exchange(batch)
        except asyncio.CancelledError:
            self._fail([*batch, *self._asked], RedisConnectionError("the connection was closed"))
            raise
        finally:
            self._sending = None

    async def _exchange(self, batch: list[_Pending]) -> None:
        try:
            async with asyncio.timeout(self.seconds):
                outcomes = await self._evaluate(batch)
        except (RedisError, OSError) as error:
            if not self.is_unavailable:
                logger.warning("Redis does not answer: %s", error)
            self.is_unavailable = True
            waiting, self._asked = self._asked, []
            self._fail([*batch, *waiting], error)
            return
        for asked, outcome in zip(batch, outcomes, strict=True):
            asked.settle(outcome)
        if self.is_unavailable:
            self.is_unavailable = False
            logger.warning("Redis answers again")
            for callback in self._back:
                callback()

    async def _evaluate(self, batch: list[_Pending]) -> list[Any]:
        """Outcomes in the order of `batch`; scripts that Redis does not know yet are sent along."""
        outcomes = await self._ask([("EVALSHA", a.script.digest, 0, *a.arguments) for a in batch])
        unknown = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, NoScriptError)]
        if unknown:
            texts = [("EVAL", batch[n].script.text, 0, *batch[n].arguments) for n in unknown]
            for number, outcome in zip(unknown, await self._ask(texts), strict=True):
                outcomes[number] = outcome
        return outcomes

    async def _ask(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """What Redis answers to each; what it refuses is an error among the answers."""
        connection = self._connection
        await self._pool.ensure_connection(connection)  # anew, if Redis has closed it meanwhile
        await connection.send_packed_command(connection.pack_commands(commands))
        return [await _read(connection) for _ in commands]

    @staticmethod
    def _fail(batch: list[_Pending], error: Exception) -> None:
        for asked in batch:
            asked.settle(error)


async def _read(connection: Connection) -> Any:
    """The next answer; a failure closes the connection, whose further answers nobody could tell."""
    try:
        return await connection.read_response(disable_decoding=True)
    except ResponseError as error:
        return error
