"""Jobs in Redis: one hash a job, sorted sets of those that wait, run, have failed, ask their owner.

Nothing a caller sent is here in clear: ``packages/mcp-swarm/src/mcp_swarm/jobs/encryption.py`` seals it before.
Works on redis-py's client and on Docket's embedded one (``memory://``).
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from mcp_swarm.redis import job_scripts
from mcp_swarm.redis.job_scripts import LIVE_TTL

_SETS = {"": 0, "queued": 2, "running": 3, "failed": 4, "asking": 5}


@dataclass(frozen=True)
class Share:
    """What one tenant's jobs may take: places in the queue, and bytes of the store."""

    queued: int
    bytes: int


class JobStore:
    """Job records by id; the caller says what a record holds.

    Args:
        redis: redis-py's client, or one that speaks like it.
        service: the service's name, the first part of every key.
    """

    def __init__(self, redis: Any, service: str) -> None:
        self._redis = redis
        self._service = service

        # Docket's embedded one knows no such line, and is never full.
        self._is_redis = isinstance(redis, Redis)

    def _script(self, text: str, first: str = job_scripts.REFUSED_WHEN_FULL) -> Any:
        return self._redis.register_script(first + text if self._is_redis else text)

    def _key(self, *parts: str) -> str:
        return ":".join((self._service, *parts))

    def _keys(self, job_id: str, owner: str, tenant: str, tool: str) -> list[str]:
        sets = [self._key("jobs", name) for name in ("queued", "running", "failed")]
        sets.append(self._key("jobs", "asking", owner))
        figures = self._key("jobs", "figures", tool)
        return [self._key("job", job_id), *sets, figures, *self._of(tenant)]

    def _of(self, tenant: str) -> list[str]:
        return [self._key("jobs", "held", tenant), self._key("jobs", "queued", tenant)]

    async def submit(
        self,
        job_id: str,
        owner: str,
        fields: Mapping[str, Any],
        *,
        now: float,
        limit: int,
        tenant: str = "",
        share: Share | None = None,
        repeat: tuple[str, str] | None = None,
    ) -> tuple[str, str]:
        """Writes a new job as queued, unless too many wait or the job is there already.

        Args:
            job_id: a new one.
            owner: whose job it is.
            fields: of its record.
            now: seconds since 1970, by which the queue is in order.
            limit: most jobs that may be queued, and most of `owner` that may wait for an answer.
            tenant: whose share it counts to.
            share: of the tenant; None for as much as there is.
            repeat: idempotency key, fingerprint of the call.

        Returns:
            ``("new", id)``; ``("known", id)`` of the job first submitted with this key;
            ``("other", id)`` if that was another call; ``("full", depth)``; ``("unanswered", number
            of the owner's jobs that wait for an answer)``; ``("many", number of the tenant's jobs
            that are queued)``; ``("heavy", bytes that its jobs hold)``.
        """
        name, call = repeat or ("", "")
        keys = [self._key("job", job_id), self._key("jobs", "queued"), self._key("job-key", name)]
        keys += [self._key("jobs", "asking", owner), *self._of(tenant)]
        size = sum(len(value) for value in fields.values() if isinstance(value, bytes))
        bytes_, queued = (share.bytes, share.queued) if share else (sys.maxsize, sys.maxsize)
        arguments = [job_id, now, limit, LIVE_TTL, call, bytes_, size, queued, *_flat(fields)]
        kind, value = await self._script(job_scripts.SUBMIT)(keys=keys, args=arguments)
        return _text(kind), _text(value)

    async def move(
        self,
        job_id: str,
        owner: str,
        tool: str,
        allowed: tuple[str, ...],
        fields: Mapping[str, Any],
        *,
        tenant: str = "",
        token: str = "",
        revision: int | None = None,
        into: str = "",
        score: float = 0,
        ttl: float = LIVE_TTL,
        figures: Mapping[str, float] | None = None,
        max_bytes: int | None = None,
    ) -> str:
        """Changes a job, if it is still where the caller believes it is; all or nothing.

        Args:
            job_id: which.
            owner: whose it is.
            tool: its tool, whose `figures` change.
            allowed: states it may be in.
            fields: of its record, by name.
            tenant: whose share it counts to.
            token: of this change, for who asks for it again after an error: it is done once.
            revision: what its ``revision`` must be; None for any.
            into: the set it shall be in from now on: queued, running, failed, asking or none.
            score: its place in that set, seconds since 1970.
            ttl: seconds that the record is kept from now on.
            figures: what to add to the tool's figures; whole numbers, times in milliseconds.
            max_bytes: bytes that the tenant's jobs may hold after it.

        Returns:
            ``ok``, ``gone``, ``lost`` (another revision), ``heavy`` (over `max_bytes`), or its other state.
        """
        arguments: list[Any] = [
            f"|{'|'.join(allowed)}|",
            "" if revision is None else revision,
            job_id,
            _SETS[into],
            *(score, max(1, int(ttl)), 2 + 2 * len(fields), max_bytes or ""),
            *("mark", token or token_hex(8)),
            *_flat(fields),
            *_flat({name: round(value) for name, value in (figures or {}).items()}),
        ]
        large = sum(len(a) for a in arguments if isinstance(a, bytes | str)) > job_scripts.SMALL
        script = self._script(job_scripts.MOVE, *(() if large else (job_scripts.NEVER_REFUSED,)))
        return _text(await script(keys=self._keys(job_id, owner, tenant, tool), args=arguments))

    async def read(self, job_id: str) -> dict[str, bytes]:
        """The record's fields; empty if there is none."""
        found = await self._redis.hgetall(self._key("job", job_id))
        return {_text(name): value for name, value in found.items()}

    async def members(self, which: str, before: float = float("inf")) -> list[str]:
        """Ids in ``queued``, ``running`` or ``failed`` with a score up to `before`, oldest first."""
        key = self._key("jobs", which)
        return [_text(found) for found in await self._redis.zrangebyscore(key, 0, before)]

    async def count(self, which: str) -> int:
        """How many jobs are ``queued``, ``running`` or ``failed``."""
        return int(await self._redis.zcard(self._key("jobs", which)))

    async def memory(self) -> tuple[int, int]:
        """Bytes that Redis uses and may use; 0 of the latter if it has no limit or may not be asked."""
        try:
            found = await self._redis.info("memory")
        except ResponseError:
            return 0, 0
        return int(found["used_memory"]), int(found.get("maxmemory", 0))

    async def forget(self, which: str, job_id: str) -> None:
        """Takes an id whose record has expired out of a set."""
        await self._redis.zrem(self._key("jobs", which), job_id)

    async def forget_consumers(self, stream: str, group: str, silent: float) -> int:
        """Takes dead workers out of the queue's consumer group; how many.

        Args:
            stream: the queue's key.
            group: of its consumers.
            silent: seconds without a word after which one that holds nothing is forgotten.
        """
        script = self._script(job_scripts.FORGET_CONSUMERS, job_scripts.NEVER_REFUSED)
        return int(await script(keys=[stream], args=[group, int(1000 * silent)]))

    async def only_one(self, what: str, seconds: float) -> bool:
        """Whether the caller is the one who does `what` for the next `seconds`."""
        milliseconds = max(1, int(seconds * 1000))
        key = self._key("jobs", "lease", what)
        return bool(await self._redis.set(key, "1", nx=True, px=milliseconds))

    async def figures(self, tool: str) -> dict[str, float]:
        """Name → sum, as ``move`` added them up for this tool."""
        found = await self._redis.hgetall(self._key("jobs", "figures", tool))
        return {_text(name): float(value) for name, value in found.items()}


def _flat(fields: Mapping[str, Any]) -> list[Any]:
    return [part for pair in fields.items() for part in pair]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
