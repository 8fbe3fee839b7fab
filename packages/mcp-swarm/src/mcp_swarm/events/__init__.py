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

from mcp_swarm.app_values import AppValue
from mcp_swarm.config import current
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

app_bus: AppValue[Bus] = AppValue()


def connect(store: "Store | None") -> Bus:
    """Returns a new bus.

    Args:
        store: the shared Redis, or None for the listeners of this app alone.
    """
    if store is None:
        return LocalBus()
    from mcp_swarm.events.shared import SharedBus

    return SharedBus(store)


async def publish(event: ServerEvent) -> None:
    """Notifies every client that listens for this kind of `event`.

    Works in any process with the service's settings, even one that only publishes. Never raises:
    while Redis is unavailable only the clients of this replica are notified; the others refetch later.

    Args:
        event: one of ``ResourceUpdated(uri)``, ``ToolsListChanged()``, ``PromptsListChanged()``,
            ``ResourcesListChanged()``.
    """
    bus = app_bus.get()
    if bus is None:
        bus = connect(_own_store())
        app_bus.set(bus)
    await bus.publish(event)


def _own_store() -> "Store | None":
    """Returns the store of a process that publishes without having built the server."""
    settings = current()
    if not settings.is_shared:
        return None
    from mcp_swarm.redis import Store

    ttl = None if settings.mcp_stateless_http else settings.mcp_session_ttl
    return Store(settings.redis_url, settings.mcp_name, ttl)
