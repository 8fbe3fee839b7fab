"""What FastMCP recommends for several replicas."""

from mcp_swarm import build


def fastmcps_own_state_store() -> None:
    """It writes what it has read, over what another replica has written meanwhile."""
    from key_value.aio.stores.redis import RedisStore

    build._state_store = lambda settings, store: RedisStore(url=settings.redis_url)


CONTROLS = {"state-merging": fastmcps_own_state_store}
