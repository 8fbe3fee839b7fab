"""The subscriptions of shared sessions."""

from mcp_swarm.redis import redis_required
from mcp_swarm.redis.sessions import SessionStore
from mcp_swarm.sessions.subscriptions import MAX_URIS, Context, MayRead, Subscriptions, session_id


class SharedSubscriptions(Subscriptions):
    """Keeps subscriptions in Redis, where every publisher finds them."""

    def __init__(self, may_read: MayRead, store: SessionStore) -> None:
        super().__init__(may_read)
        self._store = store

    async def _add(self, ctx: Context, uri: str) -> bool:
        async with redis_required("Subscribing"):
            return await self._store.subscribe(session_id(ctx), uri, MAX_URIS)

    async def _remove(self, ctx: Context, uri: str) -> None:
        async with redis_required("Unsubscribing"):
            await self._store.unsubscribe(session_id(ctx), uri)
