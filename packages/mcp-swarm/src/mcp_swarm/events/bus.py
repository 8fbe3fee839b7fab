"""The bus between publishers and listeners, and the bus of a single process."""

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
    """The SDK's ``SubscriptionBus``, which also makes listeners refetch after lost events."""

    async def publish(self, event: ServerEvent) -> None:
        """Notifies every listener on every replica. Does not raise if a listener fails."""

    def subscribe(self, listener: Listener, uris: Uris = tuple) -> Callable[[], None]:
        """Calls `listener` for every event, in the event loop. It must be quick and not raise.

        Args:
            listener: receives events of every kind, and filters them.
            uris: returns the resources that it listens to; after a gap each counts as updated.

        Returns:
            A function that unsubscribes, which may be called more than once.
        """

    def run(self) -> AbstractAsyncContextManager[list["asyncio.Task[None]"]]:
        """Receives events of other replicas during the context. Publishing needs no context."""


class LocalBus:
    """Listeners in this process."""

    def __init__(self) -> None:
        self._listeners: dict[object, tuple[Listener, Uris]] = {}

    async def publish(self, event: ServerEvent) -> None:
        """Notifies the listeners, and lets them send before the next event."""
        self.notify(event)
        await asyncio.sleep(0)

    def subscribe(self, listener: Listener, uris: Uris = tuple) -> Callable[[], None]:
        """See ``Bus``."""
        token = object()
        self._listeners[token] = (listener, uris)

        def unsubscribe() -> None:
            self._listeners.pop(token, None)

        return unsubscribe

    @asynccontextmanager
    async def run(self) -> AsyncIterator[list["asyncio.Task[None]"]]:
        """Runs nothing in the background."""
        yield []

    def notify(self, event: ServerEvent) -> None:
        """Notifies the listeners now."""
        for listener, _ in list(self._listeners.values()):
            _call(listener, event)

    def refetch(self) -> None:
        """Notifies each listener that everything it listens to may have changed."""
        for listener, uris in list(self._listeners.values()):
            for event in (*LISTS, *(ResourceUpdated(uri=uri) for uri in tuple(uris()))):
                _call(listener, event)


def _call(listener: Listener, event: ServerEvent) -> None:
    try:
        listener(event)
    except Exception:  # one bad listener must not stop the others or fail the publisher
        logger.exception("a listener failed at %r", event)
