"""Jobs in Redis: one hash a job, sorted sets of those that wait, run, have failed, ask their owner.

Nothing a caller sent is here in clear: ``server/core/state/tasks/seal.py`` seals it before.
Works on redis-py's client and on Docket's embedded one (``memory://``), so without cjson in Lua.
"""

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

# Seconds that a tool's figures are kept after the last job of it.
FIGURES_TTL = 30 * 24 * 3600

# The first line of a script: Redis refuses all of it when it is full; with the flag it never does. It
# looks at the first write alone else, and one that removes something lets all others pass.
REFUSED_WHEN_FULL, NEVER_REFUSED = "#!lua\n", "#!lua flags=allow-oom\n"

# Bytes that a job may always write: it ends, or is put back, in a full Redis too.
SMALL = 16 << 10

# Seconds that an unfinished job is kept: so long may it wait in the queue, or for its user.
LIVE_TTL = 7 * 24 * 3600

# KEYS record, queued, idempotency key, asking; ARGV id, now, limit, ttl, fingerprint, then the
# record's fields. Answers {"new" | "known" | "other" | "full" | "unanswered", id or number}. Whose
# record has expired since it asked does not count.
_SUBMIT = """
if ARGV[5] ~= '' then
    local known = redis.call('HGET', KEYS[3], 'id')
    if known then
        if redis.call('HGET', KEYS[3], 'call') ~= ARGV[5] then return {'other', known} end
        return {'known', known}
    end
end
local depth = redis.call('ZCARD', KEYS[2])
if depth >= tonumber(ARGV[3]) then return {'full', tostring(depth)} end
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', ARGV[2] - ARGV[4])
local unanswered = redis.call('ZCARD', KEYS[4])
if unanswered >= tonumber(ARGV[3]) then return {'unanswered', tostring(unanswered)} end
for i = 6, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[4])
if ARGV[5] ~= '' then
    redis.call('HSET', KEYS[3], 'id', ARGV[1])
    redis.call('HSET', KEYS[3], 'call', ARGV[5])
    redis.call('EXPIRE', KEYS[3], ARGV[4])
    redis.call('HSET', KEYS[1], 'key', KEYS[3])
end
return {'new', ARGV[1]}
"""

# KEYS record, queued, running, failed, asking, figures; ARGV allowed states as |a|b|, expected
# revision or '', id, set to put it into (2 to 5, or 0), score, record ttl, number of field
# arguments, fields and values (`mark` first, by which a change that is sent again is known), then
# figures and what to add. Answers 'ok', 'gone', 'lost' or the state. The idempotency key, whose name
# is in the record, lives as long as the record; whose record has expired since it failed is no longer
# listed as failed.
_MOVE = """
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return 'gone' end
if redis.call('HGET', KEYS[1], 'mark') == ARGV[9] then return 'ok' end
if not string.find(ARGV[1], '|' .. state .. '|', 1, true) then return state end
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], 'revision') ~= ARGV[2] then return 'lost' end
local into = tonumber(ARGV[4])
for i = 2, 5 do
    if i ~= into then redis.call('ZREM', KEYS[i], ARGV[3]) end
end
if into > 0 then
    redis.call('ZADD', KEYS[into], ARGV[5], ARGV[3])
    redis.call('EXPIRE', KEYS[into], ARGV[6])
end
if into == 4 then redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', ARGV[5] - ARGV[6]) end
local last = 7 + tonumber(ARGV[7])
for i = 8, last, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[1], ARGV[6])
local key = redis.call('HGET', KEYS[1], 'key')
if key then redis.call('EXPIRE', key, ARGV[6]) end
for i = last + 1, #ARGV, 2 do redis.call('HINCRBY', KEYS[6], ARGV[i], ARGV[i + 1]) end
if #ARGV > last then redis.call('EXPIRE', KEYS[6], FIGURES_TTL) end
return 'ok'
""".replace("FIGURES_TTL", str(FIGURES_TTL))

# KEYS stream; ARGV group, milliseconds. Takes out the consumers that were silent for so long and
# hold nothing; how many. In one step: one that holds a message would take it along.
_FORGET_CONSUMERS = """
local forgotten = 0
for _, told in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local about = {}
    for i = 1, #told, 2 do about[told[i]] = told[i + 1] end
    if about['pending'] == 0 and about['idle'] > tonumber(ARGV[2]) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], about['name'])
        forgotten = forgotten + 1
    end
end
return forgotten
"""

_SETS = {"": 0, "queued": 2, "running": 3, "failed": 4, "asking": 5}


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

    def _script(self, text: str, first: str = REFUSED_WHEN_FULL) -> Any:
        return self._redis.register_script(first + text if self._is_redis else text)

    def _key(self, *parts: str) -> str:
        return ":".join((self._service, *parts))

    def _keys(self, job_id: str, owner: str, tool: str) -> list[str]:
        sets = [self._key("jobs", name) for name in ("queued", "running", "failed")]
        sets.append(self._key("jobs", "asking", owner))
        return [self._key("job", job_id), *sets, self._key("jobs", "figures", tool)]

    async def submit(
        self,
        job_id: str,
        owner: str,
        fields: Mapping[str, Any],
        *,
        now: float,
        limit: int,
        repeat: tuple[str, str] | None = None,
    ) -> tuple[str, str]:
        """Writes a new job as queued, unless too many wait or the job is there already.

        Args:
            job_id: a new one.
            owner: whose job it is.
            fields: of its record.
            now: seconds since 1970, by which the queue is in order.
            limit: most jobs that may be queued, and most of `owner` that may wait for an answer.
            repeat: idempotency key, fingerprint of the call.

        Returns:
            ``("new", id)``; ``("known", id)`` of the job first submitted with this key;
            ``("other", id)`` if that was another call; ``("full", depth)``; ``("unanswered", number
            of the owner's jobs that wait for an answer)``.
        """
        name, call = repeat or ("", "")
        keys = [self._key("job", job_id), self._key("jobs", "queued"), self._key("job-key", name)]
        keys.append(self._key("jobs", "asking", owner))
        arguments = [job_id, now, limit, LIVE_TTL, call, *_flat(fields)]
        kind, value = await self._script(_SUBMIT)(keys=keys, args=arguments)
        return _text(kind), _text(value)

    async def move(
        self,
        job_id: str,
        owner: str,
        tool: str,
        allowed: tuple[str, ...],
        fields: Mapping[str, Any],
        *,
        mark: str = "",
        revision: int | None = None,
        into: str = "",
        score: float = 0,
        ttl: float = LIVE_TTL,
        figures: Mapping[str, float] | None = None,
    ) -> str:
        """Changes a job, if it is still where the caller believes it is; all or nothing.

        Args:
            job_id: which.
            owner: whose it is.
            tool: its tool, whose `figures` change.
            allowed: states it may be in.
            fields: of its record, by name.
            mark: of this change, for who asks for it again after an error: it is done once.
            revision: what its ``revision`` must be; None for any.
            into: the set it shall be in from now on: queued, running, failed, asking or none.
            score: its place in that set, seconds since 1970.
            ttl: seconds that the record is kept from now on.
            figures: what to add to the tool's figures; whole numbers, times in milliseconds.

        Returns:
            ``ok``, ``gone`` (no such job), ``lost`` (another revision), or its other state.
        """
        arguments: list[Any] = [
            f"|{'|'.join(allowed)}|",
            "" if revision is None else revision,
            job_id,
            _SETS[into],
            score,
            max(1, int(ttl)),
            2 + 2 * len(fields),
            *("mark", mark or token_hex(8)),
            *_flat(fields),
            *_flat({name: round(value) for name, value in (figures or {}).items()}),
        ]
        written = sum(len(part) for part in arguments if isinstance(part, bytes | str))
        script = self._script(_MOVE, NEVER_REFUSED if written <= SMALL else REFUSED_WHEN_FULL)
        return _text(await script(keys=self._keys(job_id, owner, tool), args=arguments))

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

    async def fullness(self) -> float:
        """Used share of the memory that Redis may have; 0 if it has no limit or may not be asked."""
        try:
            told = await self._redis.info("memory")
        except ResponseError:
            return 0.0
        most = told.get("maxmemory", 0)
        return float(told["used_memory"] / most) if most else 0.0

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
        script = self._script(_FORGET_CONSUMERS, NEVER_REFUSED)
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
