"""The quota of a caller, ``MCP_CALL_QUOTA``: calls a minute, over all replicas; off by default."""

import time
from typing import Any

from fastmcp.server.middleware import CallNext, MiddlewareContext
from mcp.shared.exceptions import MCPError

from mcp_swarm import identity
from mcp_swarm.errors import TOO_BUSY
from mcp_swarm.framework.components import ComponentMiddleware, Kind
from mcp_swarm.redis import Store, redis_required
from mcp_swarm.redis.keys import tag

MINUTE = 60


class QuotaMiddleware(ComponentMiddleware):
    """Rejects ``tools/call``, ``resources/read`` and ``prompts/get`` of a caller above its quota.

    Args:
        quota: maximum calls of one caller in a minute.
        store: where all replicas count.
    """

    def __init__(self, quota: int, store: Store) -> None:
        self._quota = quota
        self._store = store
        self._rejected = 0

    def gauges(self) -> dict[str, float]:
        """Returns how many calls this replica has rejected."""
        return {"quota_rejected": self._rejected}

    async def on_component(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any], kind: Kind
    ) -> Any:
        now = time.time()
        key = self._store.key("quota", tag(identity.current().owner), str(int(now) // MINUTE))
        async with redis_required("The quota of a caller"):
            calls = await self._store.redis.incr(key)
            await self._store.redis.expire(key, 2 * MINUTE)
        if calls > self._quota:
            self._rejected += 1
            raise MCPError(
                TOO_BUSY,
                f"This caller may make {self._quota} calls a minute (MCP_CALL_QUOTA). Nothing was "
                "carried out; try again in the next minute.",
                data={"retryable": True, "retryAfter": int(MINUTE - now % MINUTE) + 1},
            )
        return await call_next(context)
