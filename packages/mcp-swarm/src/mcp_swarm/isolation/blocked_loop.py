"""Warns of an ``async`` function that blocks the event loop, and with it every call of the replica.

A thread asks the loop for an answer every second. Nothing is done per call: what blocks is read
from the loop's own stack, on which the middleware around the component names it.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

from mcp_swarm.isolation.middleware import IsolationMiddleware

logger = logging.getLogger(__name__)

# Seconds between two checks; without an answer before a balancer's next health check, the loop
# is blocked. The stack is read again before a warning: code that is only slow has moved on.
EVERY: Final = 1.0
TOO_LONG: Final = 1.0
SURE_AFTER: Final = 0.25

_LIBRARIES = (sys.prefix, sys.base_prefix, "<")


def watch(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Watches the loop that runs in this thread; returns a function that ends the watch."""
    is_over = threading.Event()
    watching = _Watch(loop, threading.get_ident(), is_over)
    threading.Thread(target=watching.run, name="event loop watch", daemon=True).start()
    return is_over.set


class _Watch:
    """One loop, the id of its thread, and whether the watch is over."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, thread: int, is_over: threading.Event
    ) -> None:
        self._loop = loop
        self._thread = thread
        self._is_over = is_over
        self._reported: set[str] = set()

    def run(self) -> None:
        while not self._is_over.wait(EVERY):
            answered = threading.Event()
            try:
                self._loop.call_soon_threadsafe(answered.set)
            except RuntimeError:  # the loop is closed
                return
            if answered.wait(TOO_LONG):
                continue
            found = self._found()
            if not answered.wait(SURE_AFTER) and found == self._found():
                self._report(*found)
            while not answered.wait(EVERY) and not self._is_over.is_set():
                pass

    def _found(self) -> tuple[str, str]:
        """What runs in the loop, and the line where it is: the innermost that is no library's."""
        stacks = sys._current_frames()  # noqa: SLF001 - public, in spite of its name
        frames = list(_stack(stacks.get(self._thread)))
        own = [frame for frame in frames if not frame.f_code.co_filename.startswith(_LIBRARIES)]
        innermost = (own or frames)[:1]
        where = (
            f"{innermost[0].f_code.co_filename}:{innermost[0].f_lineno}"
            if innermost
            else "an unknown line"
        )
        return next(filter(None, map(_component, frames)), "The code"), where

    def _report(self, what: str, where: str) -> None:
        """Once for each component, or for each line that is in none."""
        key = where if what == "The code" else what
        if key not in self._reported:
            self._reported.add(key)
            logger.warning(
                "%s at %s blocks the event loop for more than %g s: this replica serves no other "
                "call meanwhile. Next: declare it with `def`, which runs in a thread, or await "
                "asyncio.to_thread(…) for what blocks",
                what,
                where,
                TOO_LONG,
            )


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    """The frames from the innermost on."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _component(frame: FrameType) -> str | None:
    """The component that this frame runs, if it is the middleware's around one."""
    if frame.f_code is not IsolationMiddleware.on_component.__code__:
        return None
    kind, context = frame.f_locals["kind"], frame.f_locals["context"]
    return f"{kind.noun} {kind.name_in(context)!r}"
