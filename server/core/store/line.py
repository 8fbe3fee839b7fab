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

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError

logger = logging.getLogger(__name__)

# Most commands in one go: Redis serves others between two goes.
MOST_AT_ONCE = 200


@dataclass(frozen=True)
class Script:
    """Lua that runs in Redis as one step."""

    text: str

    @cached_property
    def digest(self) -> str:
        """As EVALSHA names it."""
        return sha1(self.text.encode()).hexdigest()  # noqa: S324 - Redis's own naming


@dataclass
class _Asked:
    script: Script
    arguments: tuple[Any, ...]
    answer: "asyncio.Future[Any]"

    def settle(self, outcome: Any) -> None:
        if self.answer.done():  # who asked was cancelled
            return
        if isinstance(outcome, BaseException):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class Line:
    """Runs scripts on one connection.

    Args:
        url: ``redis://`` or ``rediss://``.
        seconds: how long Redis may take to answer before it counts as away.
    """

    def __init__(self, url: str, seconds: float) -> None:
        self.url = url
        self.seconds = seconds
        self.is_away = False
        self._asked: list[_Asked] = []
        self._sending: asyncio.Task[None] | None = None
        self._back: list[Callable[[], None]] = []

    @cached_property
    def redis(self) -> Redis:
        """The connection; no retry, because a script whose answer was lost may have run."""
        return Redis.from_url(
            self.url,
            socket_connect_timeout=self.seconds,
            socket_timeout=self.seconds,
            retry=Retry(NoBackoff(), 0),
            max_connections=2,
        )

    def when_back(self, callback: Callable[[], None]) -> None:
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
        if self.is_away and not probe:
            raise RedisConnectionError("Redis does not answer")
        asked = _Asked(script, arguments, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await asked.answer

    async def close(self) -> None:
        """Closes the connection; who still waits gets an error."""
        if self._sending:
            self._sending.cancel()
            await asyncio.wait({self._sending})
        if client := self.__dict__.pop("redis", None):
            await client.aclose()

    async def _send(self) -> None:
        batch: list[_Asked] = []
        try:
            await asyncio.sleep(0)  # all that is asked in this turn of the loop goes along
            while self._asked:
                batch, self._asked = self._asked[:MOST_AT_ONCE], self._asked[MOST_AT_ONCE:]
                await self._exchange(batch)
        except asyncio.CancelledError:
            self._fail([*batch, *self._asked], RedisConnectionError("the connection was closed"))
            raise
        finally:
            self._sending = None

    async def _exchange(self, batch: list[_Asked]) -> None:
        try:
            # The outer limit is for a connection that is neither refused nor accepted.
            async with asyncio.timeout(2 * self.seconds):
                outcomes = await self._evaluate(batch)
        except (RedisError, OSError) as error:
            if not self.is_away:
                logger.warning("Redis does not answer: %s", error)
            self.is_away = True
            waiting, self._asked = self._asked, []
            self._fail([*batch, *waiting], error)
            return
        for asked, outcome in zip(batch, outcomes, strict=True):
            asked.settle(outcome)
        if self.is_away:
            self.is_away = False
            logger.warning("Redis answers again")
            for callback in self._back:
                callback()

    async def _evaluate(self, batch: list[_Asked]) -> list[Any]:
        """Outcomes in the order of `batch`; scripts that Redis does not know yet are sent along."""
        async with self.redis.pipeline(transaction=False) as pipeline:
            for asked in batch:
                pipeline.evalsha(asked.script.digest, 0, *asked.arguments)
            outcomes: list[Any] = await pipeline.execute(raise_on_error=False)
        unknown = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, NoScriptError)]
        if unknown:
            async with self.redis.pipeline(transaction=False) as pipeline:
                for number in unknown:
                    pipeline.eval(batch[number].script.text, 0, *batch[number].arguments)
                known = await pipeline.execute(raise_on_error=False)
            for number, outcome in zip(unknown, known, strict=True):
                outcomes[number] = outcome
        return outcomes

    @staticmethod
    def _fail(batch: list[_Asked], error: Exception) -> None:
        for asked in batch:
            asked.settle(error)
