"""Warns about code that blocks the event loop, and with it every call of the replica.

A thread pings the loop every second. It costs nothing per call: the blocking component is read from
the stack of the loop's thread, from the frame of the middleware around it.
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

# Seconds between two pings, and seconds without an answer after which the loop counts as blocked: less
# than a balancer's health check. The stack is read again before a warning: slow code has moved on.
EVERY: Final = 1.0
TOO_LONG: Final = 1.0
SURE_AFTER: Final = 0.25

_LIBRARIES = (sys.prefix, sys.base_prefix, "<")


def watch(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Watches the event loop of this thread; returns a function that ends the watch."""
    is_over = threading.Event()
    watching = _Watch(loop, threading.get_ident(), is_over)
    threading.Thread(target=watching.run, name="event loop watch", daemon=True).start()
    return is_over.set


class _Watch:
    """The watch of one loop, in a thread of its own."""

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
        """Returns the component that runs in the loop, and its innermost line outside of libraries."""
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
        """Logs a warning, once per component, or per line outside of components."""
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
    """Yields the frames, the innermost first."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _component(frame: FrameType) -> str | None:
    """Returns the component that this frame runs, if it is the frame of the middleware."""
    if frame.f_code is not IsolationMiddleware.on_component.__code__:
        return None
    kind, context = frame.f_locals["kind"], frame.f_locals["context"]
    return f"{kind.noun} {kind.name_in(context)!r}"
