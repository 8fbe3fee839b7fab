"""The app: FastMCP with what runs beside it, and what belongs to it alone in this process."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fastmcp import FastMCP
from mcp.server.context import ServerMiddleware

from mcp_swarm import app_values, config, events
from mcp_swarm.ask import request_state
from mcp_swarm.config import Settings
from mcp_swarm.events.listen import Listen
from mcp_swarm.isolation.middleware import isolate
from mcp_swarm.isolation.shares import refuse_large
from mcp_swarm.process import gauges
from mcp_swarm.process.parts import Part
from mcp_swarm.telemetry.call_record import RecordCalls

if TYPE_CHECKING:
    from mcp_swarm.jobs.jobs import Jobs
    from mcp_swarm.redis import Store
    from mcp_swarm.sessions.endpoint import Endpoint

Lifespan = Callable[[FastMCP], AbstractAsyncContextManager[dict[str, Any]]]


class App(FastMCP):
    """FastMCP, its background parts, and the streams that the stop must close."""

    values: app_values.Values
    bus: events.Bus
    listen: Listen
    sessions: "Endpoint | None"
    store: "Store | None"
    parts: list[Part]
    jobs: "Jobs | None"  # None if no tool has `task=`

    def connect(self, settings: Settings, store: "Store | None") -> None:
        """Gives the app its store, its bus, and what code of its tools finds without an app."""
        self.store, self.bus = store, events.connect(store)
        self.values = {config.app_settings: settings, events.app_bus: self.bus}
        self.parts = [store.run, self.bus.run] if store else [self.bus.run]

    def gauges(self) -> dict[str, float]:
        """Returns what this process holds right now: streams, calls, jobs, slots, questions."""
        return gauges.read([self.listen, self.sessions, self.jobs, *self.middleware])

    @cached_property
    def around_requests(self) -> list[ServerMiddleware[Any]]:
        """SDK middleware, outermost first: around FastMCP's, so that it sees what clients sent."""
        return [
            RecordCalls(self),  # first, so that it sees what the client gets
            isolate,  # lists and permission checks may raise anything, too
            refuse_large,  # before anything reads the message
            request_state.note,  # before FastMCP opens the sealed state
        ]


def with_values(lifespan: Lifespan | None) -> Lifespan:
    """Enters the app's values, also for FastMCP's client in memory, which runs no ASGI app."""

    @asynccontextmanager
    async def inside(mcp: FastMCP) -> AsyncIterator[dict[str, Any]]:
        assert isinstance(mcp, App)
        with app_values.running(mcp.values):
            if lifespan is None:
                yield {}
                return
            async with lifespan(mcp) as state:
                yield state

    return inside
