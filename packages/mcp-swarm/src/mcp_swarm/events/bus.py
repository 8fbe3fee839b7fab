"""The bus between who publishes and who listens, and the one for a single process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from mcp.server.subscriptions import (
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)

logger = logging.getLogger(__name__)

Listener = Callable[[ServerEvent], None]
Uris = Callable[[], Iterable[str]]

LISTS: tuple[ServerEvent, ...] = (
    ToolsListChanged(),
    PromptsListChanged(),
    ResourcesListChanged(),
)


class Bus(Protocol):
    """The SDK's ``SubscriptionBus``, and what to tell a listener when events may have been lost."""

    async def publish(self, event: ServerEvent) -> None:
        """Tells every listener, wherever it is. Never raises because one of them fails."""

    def subscribe(self, listener: Listener, uris: Uris = tuple) -> Callable[[], None]:
        """Calls `listener` for every event, in the event loop; it must be quick and not raise.

        Args:
            listener: gets events of every kind, and picks.
            uris: gives the resources that it listens to now; each is told as updated after a gap.

        Returns:
            A function that ends it, which may be called again.
        """

    def unavailable(self) -> list[str]:
        """Names what it needs and does not reach now."""

    def run(self) -> AbstractAsyncContextManager[list["asyncio.Task[None]"]]:
        """Hears other replicas as long as the context lasts; publishing needs no context."""


class LocalBus:
    """Listeners in this process."""

    def __init__(self) -> None:
        self._listeners: dict[object, tuple[Listener, Uris]] = {}

    async def publish(self, event: ServerEvent) -> None:
        """Tells the listeners, and lets them send before the next event comes."""
        self.tell(event)
        await asyncio.sleep(0)

    def subscribe(self, listener: Listener, uris: Uris = tuple) -> Callable[[], None]:
        """See ``Bus``."""
        token = object()
        self._listeners[token] = (listener, uris)

        def unsubscribe() -> None:
            self._listeners.pop(token, None)

        return unsubscribe

    def unavailable(self) -> list[str]:
        """Nothing: it needs nothing."""
        return []

    @asynccontextmanager
    async def run(self) -> AsyncIterator[list["asyncio.Task[None]"]]:
        """Nothing runs beside it."""
        yield []

    def tell(self, event: ServerEvent) -> None:
        """Tells the listeners now."""
        for listener, _ in list(self._listeners.values()):
            _call(listener, event)

    def refetch(self) -> None:
        """Tells each listener that all it listens to may have changed."""
        for listener, uris in list(self._listeners.values()):
            for event in (*LISTS, *(ResourceUpdated(uri=uri) for uri in tuple(uris()))):
                _call(listener, event)


def _call(listener: Listener, event: ServerEvent) -> None:
    try:
        listener(event)
    except Exception:  # one bad listener must not starve the others or fail who publishes
        logger.exception("a listener failed at %r", event)
