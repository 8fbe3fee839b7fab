"""Stores callers' state in Redis (``REDIS_URL=redis://…``).

FastMCP reads a caller's whole state, changes one value and writes everything back, so one of two
concurrent writes would be lost. This store remembers what the call has read, and writes only the
difference.
"""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, SupportsFloat

from mcp.shared.exceptions import MCPError

from mcp_swarm.redis import redis_required
from mcp_swarm.redis.user_state import TTL, Change, Fields
from mcp_swarm.user_state import ABSENT, ChangedMeanwhileError, expected

if TYPE_CHECKING:
    from mcp_swarm.redis import Store

logger = logging.getLogger(__name__)

# The key of a client's visibility rules, which FastMCP reads in every call, and the seconds that a
# call waits for them.
RULES = ":_visibility_rules"
SECONDS_FOR_RULES = 0.5

# Fields of a hash: the values of a session, the rest of the session; or one plain value.
_VALUE, _REST, _PLAIN = ".", "rest", "plain"

# What this call has read last. FastMCP reads right before it writes, in the same task.
_read: ContextVar[tuple[tuple[str, str], dict[str, str]] | None] = ContextVar("read", default=None)


class StateStore:
    """An ``AsyncKeyValue`` for FastMCP's ``session_state_store``.

    Args:
        store: the shared Redis.
        has_sessions: whether clients of protocol 2025-11-25 and older have sessions, which may have
            their own visibility rules.

    Raises:
        MCPError: -31002, Redis does not answer; from every method.
    """

    def __init__(self, store: "Store", *, has_sessions: bool) -> None:
        self._fields = Fields(store)
        self._has_sessions = has_sessions
        self._redis = store.availability

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        """Returns the value; None if there is none."""
        if key.endswith(RULES):
            return await self._rules(key, collection or "")
        return await self._load(key, collection or "")

    async def put(
        self,
        key: str,
        value: Mapping[str, Any],
        *,
        collection: str | None = None,
        ttl: SupportsFloat | None = None,
    ) -> None:
        """Writes the difference from what this call has read.

        Raises:
            ChangedMeanwhileError: in `update`, another call was faster.
        """
        name = (collection or "", key)
        read, new = _read.get(), _split(value)
        _read.set(None)
        old = read[1] if read and read[0] == name else None
        change = Change(
            put={field: value for field, value in new.items() if (old or {}).get(field) != value},
            drop=[field for field in old or {} if field not in new],
            expect=_expectation(),
            replace=old is None,
        )
        async with redis_required("State"):
            seconds = TTL if ttl is None else float(ttl)
            if not await self._fields.change(*name, change=change, seconds=seconds):
                raise ChangedMeanwhileError(key)

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        """Deletes the value; returns whether there was one."""
        async with redis_required("State"):
            return await self._fields.remove(collection or "", key)

    async def ttl(
        self, key: str, *, collection: str | None = None
    ) -> tuple[dict[str, Any] | None, float | None]:
        """Returns the value, without its time to live: nobody needs that."""
        return await self.get(key, collection=collection), None

    async def get_many(
        self, keys: Sequence[str], *, collection: str | None = None
    ) -> list[dict[str, Any] | None]:
        """See ``get``."""
        return [await self.get(key, collection=collection) for key in keys]

    async def ttl_many(
        self, keys: Sequence[str], *, collection: str | None = None
    ) -> list[tuple[dict[str, Any] | None, float | None]]:
        """See ``ttl``."""
        return [await self.ttl(key, collection=collection) for key in keys]

    async def put_many(
        self,
        keys: Sequence[str],
        values: Sequence[Mapping[str, Any]],
        *,
        collection: str | None = None,
        ttl: SupportsFloat | None = None,
    ) -> None:
        """See ``put``."""
        for key, value in zip(keys, values, strict=True):
            await self.put(key, value, collection=collection, ttl=ttl)

    async def delete_many(self, keys: Sequence[str], *, collection: str | None = None) -> int:
        """Deletes the values; returns how many there were."""
        return sum([await self.delete(key, collection=collection) for key in keys])

    async def _load(self, key: str, collection: str) -> dict[str, Any] | None:
        async with redis_required("State"):
            fields = await self._fields.read(collection, key)
        _read.set(((collection, key), fields))
        return _joined(fields) if fields else None

    async def _rules(self, key: str, collection: str) -> dict[str, Any] | None:
        """Returns a client's visibility rules; None while Redis is unavailable, so that calls go on.

        This is safe: rules do not decide permissions, and components hidden from everyone stay hidden.
        """
        if not self._has_sessions and not key.startswith("user:"):
            return None  # stored under the id of a single request, so nobody can read them later
        if not self._redis.is_available:
            return None
        try:
            async with asyncio.timeout(SECONDS_FOR_RULES):
                return await self._load(key, collection)
        except (MCPError, TimeoutError) as error:
            self._redis.lost(error.__cause__ or error)
            logger.warning("clients' own visibility rules do not apply: Redis does not answer")
            return None


def _expectation() -> dict[str, str | None]:
    if (found := expected.get()) is None:
        return {}
    key, value = found
    return {_VALUE + key: None if value is ABSENT else _json(value)}


def _split(value: Mapping[str, Any]) -> dict[str, str]:
    """Splits a stored value into fields. FastMCP's sessions are ``{"value": {"state": {…}, …}}``."""
    inner = value.get("value")
    if set(value) != {"value"} or not isinstance(inner, dict) or "state" not in inner:
        return {_PLAIN: _json(value)}
    values = {_VALUE + key: _json(one) for key, one in inner["state"].items()}
    rest = {key: one for key, one in inner.items() if key != "state"}
    return {**values, _REST: _json(rest)} if rest else values


def _joined(fields: Mapping[str, str]) -> dict[str, Any]:
    """Returns the stored value from its fields."""
    if _PLAIN in fields:
        plain: dict[str, Any] = json.loads(fields[_PLAIN])
        return plain
    state = {key[1:]: json.loads(value) for key, value in fields.items() if key != _REST}
    return {"value": {**json.loads(fields.get(_REST, "{}")), "state": state}}


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
