"""The state of callers: a hash for each, whose fields change independently.

Writers of different fields never overwrite each other. A write can also expect the values that it
read (compare and set).
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from mcp_swarm.redis import Store
from mcp_swarm.redis.keys import of_state

# Seconds that a caller's state is kept after it was last written.
TTL = 24 * 3600


@dataclass(frozen=True)
class Change:
    """A change of a hash.

    Attributes:
        put: fields and their new values.
        drop: fields to delete.
        expect: fields and the values that they must still have; None: the field must not exist.
        replace: whether to delete the fields that are not named.
    """

    put: Mapping[str, str] = field(default_factory=dict)
    drop: Collection[str] = ()
    expect: Mapping[str, str | None] = field(default_factory=dict)
    replace: bool = False


# The first line makes a full Redis reject the whole script, not only a first write that adds data.
_CHANGE = """#!lua
local change = cjson.decode(ARGV[1])
if redis.call('HGET', KEYS[1], 'mark') == change.mark then return 1 end
for _, pair in ipairs(change.expect) do
  local found = redis.call('HGET', KEYS[1], pair[1])
  if (found or '') ~= pair[2] or (found ~= false) ~= pair[3] then return 0 end
end
if change.replace then redis.call('DEL', KEYS[1]) end
for _, name in ipairs(change.drop) do redis.call('HDEL', KEYS[1], name) end
for _, pair in ipairs(change.put) do redis.call('HSET', KEYS[1], pair[1], pair[2]) end
if change.mark ~= '' then redis.call('HSET', KEYS[1], 'mark', change.mark) end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""


class Fields:
    """Reads and changes the hashes of one service.

    Raises:
        RedisError, OSError: Redis does not answer; from every method.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, *name: str) -> dict[str, str]:
        """Returns all fields; empty if there are none."""
        found: dict[Any, Any] = await self._store.redis.hgetall(self._key(name))
        found.pop(b"mark", None)
        return {key.decode(): value.decode() for key, value in found.items()}

    async def change(self, *name: str, change: Change, seconds: float = TTL) -> bool:
        """Applies the change atomically; False, without a write, if an expectation fails.

        Args:
            name: of the hash: collection and key.
            change: to apply.
            seconds: how long the hash is kept from now on, at most ``TTL``.
        """
        script = self._store.redis.register_script(_CHANGE)
        changes = {
            "put": [[key, value] for key, value in change.put.items()],
            "drop": list(change.drop),
            "expect": [[k, v or "", v is not None] for k, v in change.expect.items()],
            "replace": change.replace,
            # An idempotency token: redis-py retries, and a change that was applied would fail its
            # own expectation.
            "mark": token_hex(8) if change.expect else "",
        }
        done = await script(
            keys=[self._key(name)], args=[json.dumps(changes), max(1, int(min(seconds, TTL)))]
        )
        return bool(done)

    async def remove(self, *name: str) -> bool:
        """Deletes the hash; returns whether it existed."""
        return bool(await self._store.redis.delete(self._key(name)))

    def _key(self, name: tuple[str, ...]) -> str:
        collection, key = name
        return of_state(self._store.service, collection, key)
