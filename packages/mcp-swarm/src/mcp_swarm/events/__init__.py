"""Events: something changed, whoever listens should fetch it again.

``await publish(ResourceUpdated(uri="sales://regions"))`` reaches every client that listens, on
any replica when ``REDIS_URL`` names a Redis, on this one with ``memory://``. Events are level
triggers without a payload: one too many is harmless, so after a gap everyone is told to refetch.
"""

from typing import TYPE_CHECKING

from mcp.server.subscriptions import (
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)

from mcp_swarm.config import load
from mcp_swarm.events.bus import Bus, LocalBus

if TYPE_CHECKING:
    from mcp_swarm.redis import Store

__all__ = [
    "Bus",
    "LocalBus",
    "PromptsListChanged",
    "ResourceUpdated",
    "ResourcesListChanged",
    "ServerEvent",
    "ToolsListChanged",
    "connect",
    "publish",
]

# One process serves one set of clients: whoever publishes in it means all that listen to it.
_here: dict[str, Bus] = {}


def connect(store: "Store | None") -> Bus:
    """The bus that ``publish`` uses in this process from now on.

    Args:
        store: the shared Redis, or None for listeners of this process alone.
    """
    bus: Bus
    if store is None:
        bus = LocalBus()
    else:
        from mcp_swarm.events.shared import SharedBus

        bus = SharedBus(store)
    _here["bus"] = bus
    return bus


async def publish(event: ServerEvent) -> None:
    """Tells every listening client that asked for this kind of `event`.

    Works in any process with the service's settings, one that only publishes too. Never fails a
    tool: while Redis is away, clients of this replica are told, and the rest refetch later.

    Args:
        event: one of ``ResourceUpdated(uri)``, ``ToolsListChanged()``, ``PromptsListChanged()``,
            ``ResourcesListChanged()``.
    """
    bus = _here.get("bus") or connect(_own_store())
    await bus.publish(event)


def _own_store() -> "Store | None":
    """Of a process that publishes without having built the server."""
    settings = load()
    if not settings.is_shared:
        return None
    from mcp_swarm.redis import Store

    ttl = None if settings.mcp_stateless_http else settings.mcp_session_ttl
    return Store(settings.redis_url, settings.mcp_name, ttl)
