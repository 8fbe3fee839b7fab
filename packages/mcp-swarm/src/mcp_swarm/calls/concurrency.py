"""The concurrency limit of a replica, ``MCP_CALL_CONCURRENCY``; off by default.

The balancer of the stack has a limit too (``LB_REPLICA_CALLS``), but each balancer counts only its own
calls, and other balancers count none. Calls above the limit wait in a queue, first in first out, for
as long as a call may take. Only calls that run a component count: lists, streams, answers to questions
and health checks always pass. While a call waits for user input, its slot is released.
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
    """A fair semaphore: `max_calls` run, the others wait in a queue."""

    def __init__(self, max_calls: int) -> None:
        self.max_calls = max_calls
        self._free = max_calls  # negative while more calls run, after `reacquire`
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def used(self) -> int:
        """The number of used slots; above the maximum while calls have returned from their users."""
        return self.max_calls - self._free

    @property
    def waiting(self) -> int:
        """The number of calls that wait for a slot."""
        return sum(not waiter.done() for waiter in self._queue)

    async def acquire(self, seconds: float) -> None:
        """Waits for a slot.

        Raises:
            TimeoutError: there was none in time.
        """
        if self._free > 0:  # then the queue is empty
            self._free -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._queue.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():  # it got a slot while it was cancelled
                self.release()
            raise

    def release(self) -> None:
        """Frees a slot, which the first in the queue gets."""
        self._free += 1
        while self._free > 0 and self._queue:
            waiter = self._queue.popleft()
            if not waiter.done():  # else it was cancelled
                self._free -= 1
                waiter.set_result(None)

    def reacquire(self) -> None:
        """Takes a slot without waiting, even if none is free: a call that has begun goes on."""
        self._free -= 1


class ConcurrencyMiddleware(ComponentMiddleware):
    """Limits how many ``tools/call``, ``resources/read`` and ``prompts/get`` run at a time.

    Args:
        max_calls: number of slots.
        timeout: seconds that a call waits for a slot.
    """

    def __init__(self, max_calls: int, timeout: float) -> None:
        self.slots = Slots(max_calls)
        self.timeout = timeout

    def gauges(self) -> dict[str, float]:
        """Returns the slots in use, and the calls that wait for one."""
        return {"slots_used": self.slots.used, "slots_waiting": self.slots.waiting}

    async def on_component(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any], kind: Kind
    ) -> Any:
        if _held_slots.get() is not None:  # called by a tool, which has a slot
            return await call_next(context)
        try:
            await self.slots.acquire(self.timeout)
        except TimeoutError:
            raise self._too_busy() from None
        token = _held_slots.set(self.slots)
        try:
            return await call_next(context)
        finally:
            _held_slots.reset(token)
            self.slots.release()

    def _too_busy(self) -> MCPError:
        return MCPError(
            TOO_BUSY,
            f"This replica runs {self.slots.max_calls} calls (MCP_CALL_CONCURRENCY), and no slot "
            f"became free within {self.timeout:g} s. Nothing was carried out; try again.",
            data={"retryable": True, "retryAfter": 1},
        )


@contextmanager
def slot_released() -> Iterator[None]:
    """Releases the slot of the current call during this block."""
    slots = _held_slots.get()
    if slots:
        slots.release()
    try:
        yield
    finally:
        if slots:
            slots.reacquire()


_held_slots: ContextVar[Slots | None] = ContextVar("slots", default=None)
