"""Jobs in Redis: a hash per job, and sorted sets of queued, running, failed and asking jobs.

Data of callers is encrypted before it gets here (``mcp_swarm.jobs.encryption``). Works with redis-py's
client and with Docket's embedded one (``memory://``).
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
from mcp_swarm.redis.keys import key, tag

_SETS = {"": 0, "queued": 2, "running": 3, "failed": 4, "asking": 5}


@dataclass(frozen=True)
class Share:
    """The share of one tenant's jobs: how many may be queued, and how many bytes they may hold."""

    queued: int
    bytes: int


class JobStore:
    """Stores job records by id. The fields of a record are the caller's business.

    Args:
        redis: redis-py's client, or a compatible one.
        service: the service's name, the first part of every key.
    """

    def __init__(self, redis: Any, service: str) -> None:
        self._redis = redis
        self._service = service

        # Docket's embedded store does not know this line, and is never full.
        self._is_redis = isinstance(redis, Redis)

    def _script(self, text: str, first: str = job_scripts.REFUSED_WHEN_FULL) -> Any:
        return self._redis.register_script(first + text if self._is_redis else text)

    def _key(self, *parts: str) -> str:
        return key(self._service, *parts)

    def _keys(self, job_id: str, owner: str, tenant: str, tool: str) -> list[str]:
        sets = [self._key("jobs", name) for name in ("queued", "running", "failed")]
        sets.append(self._key("jobs", "asking", tag(owner)))
        figures = self._key("jobs", "figures", tag(tool))
        return [self._key("job", tag(job_id)), *sets, figures, *self._of(tenant)]

    def _of(self, tenant: str) -> list[str]:
        return [self._key("jobs", "held", tag(tenant)), self._key("jobs", "queued", tag(tenant))]

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
        """Stores a new job as queued, unless a limit is reached or the job exists already.

        Args:
            job_id: a new id.
            owner: of the job.
            fields: of its record.
            now: seconds since 1970; the queue is ordered by it.
            limit: maximum jobs in the queue, and maximum jobs of `owner` that wait for input.
            tenant: whose share the job counts towards.
            share: of the tenant; None for no limit.
            repeat: idempotency key, fingerprint of the call.

        Returns:
            ``("new", id)``; ``("known", id)`` of the job first submitted with this key;
            ``("other", id)`` if that was another call; ``("full", depth)``; ``("unanswered", number
            of the owner's jobs that wait for input)``; ``("many", number of the tenant's queued
            jobs)``; ``("heavy", bytes that the tenant's jobs hold)``.
        """
        name, call = repeat or ("", "")
        keys = [
            self._key("job", tag(job_id)),
            self._key("jobs", "queued"),
            self._key("job-key", tag(name)),
        ]
        keys += [self._key("jobs", "asking", tag(owner)), *self._of(tenant)]
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
        """Changes a job atomically, if its state and revision are the expected ones.

        Args:
            job_id: of the job.
            owner: of the job.
            tool: the job's tool, whose `figures` change.
            allowed: the expected states.
            fields: new values of the record's fields, by name.
            tenant: whose share the job counts towards.
            token: idempotency token of this change: a retry with the same token changes nothing.
            revision: the expected ``revision``; None for any.
            into: the set that the job moves to: queued, running, failed, asking, or "" for none.
            score: its score in that set, seconds since 1970.
            ttl: seconds that the record is kept from now on.
            figures: amounts to add to the tool's figures; integers, times in milliseconds.
            max_bytes: bytes that the tenant's jobs may hold afterwards.

        Returns:
            ``ok``, ``gone``, ``lost`` (another revision), ``heavy`` (over `max_bytes`), or the state.
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
        """Returns the record's fields; empty if there is no such record."""
        found = await self._redis.hgetall(self._key("job", tag(job_id)))
        return {_text(name): value for name, value in found.items()}

    async def members(self, which: str, before: float = float("inf")) -> list[str]:
        """Returns ids in ``queued``, ``running`` or ``failed`` with a score ≤ `before`, oldest first."""
        key = self._key("jobs", which)
        return [_text(found) for found in await self._redis.zrangebyscore(key, 0, before)]

    async def count(self, which: str) -> int:
        """Returns how many jobs are ``queued``, ``running`` or ``failed``."""
        return int(await self._redis.zcard(self._key("jobs", which)))

    async def memory(self) -> tuple[int, int]:
        """Returns the bytes that Redis uses and may use; the latter is 0 without a known limit."""
        try:
            found = await self._redis.info("memory")
        except ResponseError:
            return 0, 0
        return int(found["used_memory"]), int(found.get("maxmemory", 0))

    async def forget(self, which: str, job_id: str) -> None:
        """Removes an id from a set, because its record has expired."""
        await self._redis.zrem(self._key("jobs", which), job_id)

    async def forget_consumers(self, stream: str, group: str, silent: float) -> int:
        """Removes dead workers from the queue's consumer group; returns how many.

        Args:
            stream: the queue's key.
            group: the consumer group.
            silent: idle seconds after which a consumer without pending messages is removed.
        """
        script = self._script(job_scripts.FORGET_CONSUMERS, job_scripts.NEVER_REFUSED)
        return int(await script(keys=[stream], args=[group, int(1000 * silent)]))

    async def only_one(self, what: str, seconds: float) -> bool:
        """Returns whether the caller got the lease to do `what` for the next `seconds`."""
        milliseconds = max(1, int(seconds * 1000))
        key = self._key("jobs", "lease", what)
        return bool(await self._redis.set(key, "1", nx=True, px=milliseconds))

    async def figures(self, tool: str) -> dict[str, float]:
        """Returns this tool's figures, which ``move`` adds up: name → sum."""
        found = await self._redis.hgetall(self._key("jobs", "figures", tag(tool)))
        return {_text(name): float(value) for name, value in found.items()}


def _flat(fields: Mapping[str, Any]) -> list[Any]:
    return [part for pair in fields.items() for part in pair]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
