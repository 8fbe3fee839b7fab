"""Events: something has changed, and listeners should fetch it again.

``await publish(ResourceUpdated(uri="sales://regions"))`` reaches every client that listens: on all
replicas if ``REDIS_URL`` names a Redis, on this one with ``memory://``. Events are level triggers
without a payload. An extra one is harmless, so after a gap every listener is notified to refetch.
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

# A process serves one set of clients, so it has one bus.
_here: dict[str, Bus] = {}


def connect(store: "Store | None") -> Bus:
    """Returns the bus that ``publish`` uses in this process from now on.

    Args:
        store: the shared Redis, or None for the listeners of this process alone.
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
    """Notifies every client that listens for this kind of `event`.

    Works in any process with the service's settings, even one that only publishes. Never raises:
    while Redis is unavailable only the clients of this replica are notified; the others refetch later.

    Args:
        event: one of ``ResourceUpdated(uri)``, ``ToolsListChanged()``, ``PromptsListChanged()``,
            ``ResourcesListChanged()``.
    """
    bus = _here.get("bus") or connect(_own_store())
    await bus.publish(event)


def _own_store() -> "Store | None":
    """Returns the store of a process that publishes without having built the server."""
    settings = load()
    if not settings.is_shared:
        return None
    from mcp_swarm.redis import Store

    ttl = None if settings.mcp_stateless_http else settings.mcp_session_ttl
    return Store(settings.redis_url, settings.mcp_name, ttl)
