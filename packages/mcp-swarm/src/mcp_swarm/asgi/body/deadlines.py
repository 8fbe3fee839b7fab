"""One timer for all requests that wait for a body.

A timer for each request would cost more than the rest of reading it.
"""

import asyncio
from typing import Any

# Seconds between two checks for late tasks.
EVERY = 0.5


class Deadlines:
    """Cancels tasks that take longer than `seconds`.

    Args:
        seconds: between `begin` and `end`.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._due: dict[asyncio.Task[Any], float] = {}  # in the order of their deadlines
        self._is_armed = False

    def begin(self) -> "asyncio.Task[Any]":
        """Starts the deadline of the current task."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._due[task] = loop.time() + self.seconds
        if not self._is_armed:
            self._is_armed = True
            loop.call_later(EVERY, self._look)
        return task

    def end(self, task: "asyncio.Task[Any]") -> bool:
        """Ends the deadline; returns whether the task was late, and so cancelled."""
        return self._due.pop(task, None) is None

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for task, due in list(self._due.items()):
            if due > now:
                break
            del self._due[task]
            task.cancel()
        self._is_armed = bool(self._due)
        if self._is_armed:
            loop.call_later(EVERY, self._look)
