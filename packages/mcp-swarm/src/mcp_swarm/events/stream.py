"""An open ``subscriptions/listen`` stream: its filter, and the events that wait to be sent."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

from mcp.server.subscriptions import ResourceUpdated, ServerEvent
from mcp.shared.subscriptions import event_matches
from mcp_types import SubscriptionFilter


class Stream:
    """The filter of one client, and the events that wait for it.

    Args:
        honored: the accepted part of the client's filter.
        tasks: ids of the tasks that it follows, by URI. The stream begins with the status of each,
            because it may have changed between the client's call and this subscription.
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
        """Returns whether the client's filter matches `event`."""
        return event_matches(self.honored, self._uris, event)

    def notify(self, event: ServerEvent) -> None:
        """Queues `event` if it matches. Repeated events are queued once until they are sent."""
        if self.asked_for(event) or getattr(event, "uri", None) in self.tasks:
            self._waiting[event] = None
            self._news.set()

    def uris(self) -> Iterable[str]:
        """Returns the resources that it listens to, including those of tasks."""
        return self._uris | self.tasks.keys()

    def close(self) -> None:
        """Ends the iteration once no event waits."""
        self._closing = True
        self._news.set()

    async def events(self) -> AsyncIterator[ServerEvent]:
        """Yields events as they come, oldest first."""
        while not self._closing or self._waiting:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                event = next(iter(self._waiting))
                del self._waiting[event]
                yield event
