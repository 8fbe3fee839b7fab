"""One open ``subscriptions/listen``: what it wants to hear, and what waits to be sent to it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

from mcp.server.subscriptions import ResourceUpdated, ServerEvent
from mcp.shared.subscriptions import event_matches
from mcp_types import SubscriptionFilter


class Stream:
    """What one client listens to, and the events that wait for it.

    Args:
        honored: what it asked for and will hear.
        tasks: ids of the tasks that it follows, by URI. Each is told as it is at first: it may
            have changed, or ended, between the client's call and its listening.
    """

    def __init__(self, honored: SubscriptionFilter, tasks: Mapping[str, str] | None = None) -> None:
        self.honored = honored
        self.tasks = tasks or {}
        self._uris = frozenset(honored.resource_subscriptions or ())
        self._waiting: dict[ServerEvent, None] = {
            ResourceUpdated(uri=uri): None for uri in self.tasks
        }
        self._news = asyncio.Event()
        self._news.set()
        self._closing = False

    def asked_for(self, event: ServerEvent) -> bool:
        """Whether the client wants to hear of `event` itself."""
        return event_matches(self.honored, self._uris, event)

    def tell(self, event: ServerEvent) -> None:
        """Keeps `event` if it is of use; once only, however often it comes before it is sent."""
        if self.asked_for(event) or getattr(event, "uri", None) in self.tasks:
            self._waiting[event] = None
            self._news.set()

    def uris(self) -> Iterable[str]:
        """The resources listened to, those of tasks among them."""
        return self._uris | self.tasks.keys()

    def close(self) -> None:
        """The iteration ends once nothing waits."""
        self._closing = True
        self._news.set()

    async def events(self) -> AsyncIterator[ServerEvent]:
        """Events as they come, oldest first."""
        while not self._closing or self._waiting:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                event = next(iter(self._waiting))
                del self._waiting[event]
                yield event
