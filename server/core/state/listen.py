"""``subscriptions/listen`` (2026-07-28): clients hear that lists or resources have changed.

``await publish(ResourceUpdated(uri="sales://regions"))`` in a tool reaches every client that
listens to this replica. (To all replicas: next, see TODO.md.)
"""

from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)

__all__ = [
    "PromptsListChanged",
    "ResourceUpdated",
    "ResourcesListChanged",
    "ServerEvent",
    "ToolsListChanged",
    "handler",
    "publish",
]

# One process serves one set of clients: whoever publishes in it means all that listen to it.
_BUS = InMemorySubscriptionBus()


def handler() -> ListenHandler:
    """A handler of ``subscriptions/listen`` on this process's bus; ``close()`` ends its streams."""
    return ListenHandler(_BUS)


async def publish(event: ServerEvent) -> None:
    """Tells every listening client that asked for this kind of `event`.

    Args:
        event: one of ``ResourceUpdated(uri)``, ``ToolsListChanged()``, ``PromptsListChanged()``,
            ``ResourcesListChanged()``.
    """
    await _BUS.publish(event)
