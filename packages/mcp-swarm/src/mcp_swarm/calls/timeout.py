"""The timeout of direct calls, ``MCP_CALL_TIMEOUT``: a clear error instead of a hang.

A call that exceeds it is cancelled. A tool that blocks its thread cannot be cancelled: its caller gets
the error anyway, and the thread runs until it ends. While a call waits for user input, its timeout is
paused.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import CoroutineType
from typing import Any

from fastmcp.exceptions import ToolError
from fastmcp.server.middleware import CallNext, MiddlewareContext
from mcp.shared.exceptions import MCPError

from mcp_swarm.errors import CALL_TIMED_OUT
from mcp_swarm.framework.components import TOOL, ComponentMiddleware, Kind
from mcp_swarm.telemetry import call_record

logger = logging.getLogger(__name__)


class CallTimeoutMiddleware(ComponentMiddleware):
    """Ends ``tools/call``, ``resources/read`` and ``prompts/get`` after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def on_component(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any], kind: Kind
    ) -> Any:
        try:
            return await self._limited(context, call_next, kind)
        except _OverLimitError:
            if record := call_record.of_message(context):
                record.outcome = call_record.TIMEOUT
            message = self._message(f"{kind.noun} {kind.name_in(context)!r}")
            if kind is TOOL:
                raise ToolError(message) from None
            raise MCPError(CALL_TIMED_OUT, message) from None

    async def _limited(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any], kind: Kind
    ) -> Any:
        """Runs the call in a task of its own, so that it can be abandoned if it blocks a thread."""
        if _clock.get() is not None:  # called by a tool, whose timeout counts
            return await call_next(context)
        clock = _Clock(self.seconds)
        token = _clock.set(clock)
        try:
            task = _task(call_next(context))
        finally:
            _clock.reset(token)
        task.add_done_callback(clock.end)
        try:
            await clock.over
        except asyncio.CancelledError:
            task.cancel()
            # So the call's clean-up runs before the request ends.
            await asyncio.wait({task}, timeout=1)
            raise
        finally:
            clock.stop()
        if task.done():
            try:
                return task.result()
            except asyncio.CancelledError as error:  # not from outside: the call cancelled itself
                raise kind.failure(context, error) from error
        task.cancel()
        logger.warning("a call exceeded its timeout of %g s and was cancelled", self.seconds)
        raise _OverLimitError

    def _message(self, what: str) -> str:
        return (
            f"{what} did not finish within {self.seconds:g} s (MCP_CALL_TIMEOUT) and was cancelled. "
            "Next: request less at a time, or ask the operator to raise the limit."
        )


@contextmanager
def timeout_paused() -> Iterator[None]:
    """Pauses the timeout of the current call during this block."""
    clock = _clock.get()
    if clock:
        clock.stop()
    try:
        yield
    finally:
        if clock:
            clock.go_on()


class _Clock:
    """Counts down a call's timeout; `over` is done when it expires, or when the call has ended."""

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self.over: asyncio.Future[None] = self._loop.create_future()
        self._stops = 1
        self._left = seconds
        self.go_on()

    def stop(self) -> None:
        """Pauses the countdown. Pauses nest."""
        self._stops += 1
        if self._stops == 1:
            self._left = self._due - self._loop.time()
            self._timer.cancel()

    def go_on(self) -> None:
        """Resumes the countdown, once for each `stop`."""
        self._stops -= 1
        if self._stops == 0:
            # Kept here: uvloop's timer has no due time if its delay is 0.
            self._due = self._loop.time() + self._left
            self._timer = self._loop.call_later(max(self._left, 0), self._run_out)

    def end(self, task: "asyncio.Future[Any]") -> None:
        """Called when the call has ended."""
        if not task.cancelled():
            task.exception()  # else asyncio logs that nobody retrieved it
        self._run_out()

    def _run_out(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


_clock: ContextVar[_Clock | None] = ContextVar("clock", default=None)


class _OverLimitError(Exception):
    """The call exceeded its timeout. It is turned into the error of its kind of component."""


def _task(call: Awaitable[Any]) -> "asyncio.Future[Any]":
    if isinstance(call, CoroutineType):  # nearly always, and at half the cost
        return asyncio.get_running_loop().create_task(call)
    return asyncio.ensure_future(call)
