"""How many calls a replica runs at once, ``MCP_CALL_CONCURRENCY``; off by default.

The balancer of the stack holds calls back too (``LB_REPLICA_CALLS``), but each balancer counts for
itself, and others do not count at all. Calls above the limit wait for their turn, first come first
served, for as long as a call may take; only what runs a component counts, so lists, streams,
answers to questions and health checks always pass. A call that waits for a person gives its place.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from fastmcp.server.middleware import CallNext, MiddlewareContext
from mcp.shared.exceptions import MCPError

from mcp_swarm.errors import TOO_BUSY
from mcp_swarm.framework.components import ComponentMiddleware, Kind


class Slots:
    """So many may run; the others wait in a line."""

    def __init__(self, max_calls: int) -> None:
        self.max_calls = max_calls
        self._free = max_calls  # below 0 while somebody has come back to a place that was taken
        self._queue: deque[asyncio.Future[None]] = deque()

    async def take(self, seconds: float) -> None:
        """Waits for a place.

        Raises:
            TimeoutError: there was none in time.
        """
        if self._free > 0:  # then nobody waits
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():  # its turn came as it left
                self.give()
            raise

    def give(self) -> None:
        """The place is free again: it goes to the first in the line."""
        self._free += 1
        while self._free > 0 and self._queue:
            turn = self._queue.popleft()
            if not turn.done():  # else it has left
                self._free -= 1
                turn.set_result(None)

    def come_back(self) -> None:
        """Takes a place without waiting: what has begun goes on, and new ones wait the longer."""
        self._free -= 1


class ConcurrencyMiddleware(ComponentMiddleware):
    """Gives ``tools/call``, ``resources/read`` and ``prompts/get`` a place each.

    Args:
        max_calls: places.
        timeout: seconds that a call waits for one.
    """

    def __init__(self, max_calls: int, timeout: float) -> None:
        self.slots = Slots(max_calls)
        self.timeout = timeout

    async def on_component(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any], kind: Kind
    ) -> Any:
        if _held_slots.get() is not None:  # called by a tool, which has a place
            return await call_next(context)
        try:
            await self.slots.take(self.timeout)
        except TimeoutError:
            raise self._too_busy() from None
        token = _held_slots.set(self.slots)
        try:
            return await call_next(context)
        finally:
            _held_slots.reset(token)
            self.slots.give()

    def _too_busy(self) -> MCPError:
        return MCPError(
            TOO_BUSY,
            f"This replica runs {self.slots.max_calls} calls (MCP_CALL_CONCURRENCY), and none has ended "
            f"for this one within {self.timeout:g} s. Nothing was carried out; try again.",
            data={"retryable": True, "retryAfter": 1},
        )


@contextmanager
def slot_released() -> Iterator[None]:
    """The running call's place is another's in this block."""
    slots = _held_slots.get()
    if slots:
        slots.give()
    try:
        yield
    finally:
        if slots:
            slots.come_back()


_held_slots: ContextVar[Slots | None] = ContextVar("places", default=None)
