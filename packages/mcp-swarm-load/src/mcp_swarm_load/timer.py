"""A precise timer that does not use the CPU while it waits.

Event loops count timers in milliseconds. Shorter waits become a busy loop, which takes a whole core
at 10,000 calls/s and makes the tester look like the bottleneck. Linux has timers as files
(timerfd_create(2)), exact to about ten microseconds. Other systems use the loop's timer.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from contextlib import suppress
from time import perf_counter_ns
from types import TracebackType
from typing import Self

_CLOCK_MONOTONIC = 1  # perf_counter_ns() reads this clock on Linux
_NONBLOCK_CLOEXEC = 0o2000000 | 0o4000
_ABSOLUTE = 1
_MIN_TIMER_NS = 20_000
"""For shorter waits, setting the timer costs more than the wait. The loop runs once instead."""


class _Setting(ctypes.Structure):
    """struct itimerspec: the interval, then the expiry, each in seconds and nanoseconds."""

    _fields_ = [(name, ctypes.c_long) for name in ("every_s", "every_ns", "at_s", "at_ns")]


class Timer:
    """Waits for one moment at a time. It is a context manager for use in a running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._file = -1
        self._expired: asyncio.Future[None] | None = None
        self._setting = _Setting()

    def __enter__(self) -> Self:
        if sys.platform == "linux":
            with suppress(OSError, AttributeError):
                self._libc = ctypes.CDLL(None, use_errno=True)
                self._file = self._libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._file >= 0:
            self._loop.add_reader(self._file, self._on_expiry)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file >= 0:
            self._loop.remove_reader(self._file)
            os.close(self._file)
            self._file = -1

    async def wait_until(self, moment: int) -> None:
        """Returns at `moment` (a perf_counter_ns()), within a few microseconds."""
        left = moment - perf_counter_ns()
        if left < _MIN_TIMER_NS:
            await asyncio.sleep(0)
        elif self._file < 0:
            await asyncio.sleep(left / 1e9)
        else:
            self._expired = self._loop.create_future()
            self._setting.at_s, self._setting.at_ns = divmod(moment, 1_000_000_000)
            self._libc.timerfd_settime(self._file, _ABSOLUTE, ctypes.byref(self._setting), None)
            await self._expired

    def _on_expiry(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._file, 8)
        if self._expired is not None and not self._expired.done():
            self._expired.set_result(None)
