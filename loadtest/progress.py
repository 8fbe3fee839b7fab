"""One line on the terminal while the run lasts: rate, errors, p95 and replicas of the last seconds."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TextIO

from loadtest.paint import milliseconds, thousands
from loadtest.result import UNNAMED, Result
from loadtest.stats import Histogram

_RECENT_SECONDS = 3


class Progress:
    """Call it with the result so far; `clear` wipes the line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, result: Result) -> None:
        """Draw the line anew."""
        now = perf_counter_ns() - result.start
        recent = Histogram()
        for number in range(now // 1_000_000_000 - _RECENT_SECONDS, now // 1_000_000_000 + 1):
            if number in result.seconds:
                recent.merge(result.seconds[number].latency)
        replicas = sum(name != UNNAMED for name in result.replicas)
        window = min(now / 1e9, now / 1e9 % 1 + _RECENT_SECONDS)
        line = (
            f"{now / 1e9:6.1f} s  {thousands(result.right + result.failed)} calls"
            f"  {thousands(round(recent.count / window)) if window else 0}/s"
            f"  {thousands(result.failed)} failed"
            f"  p95 {milliseconds(recent.quantile(9500) / 1e6 if recent.count else None)} ms"
            f"  {replicas} replicas"
        )
        self._stream.write(f"\r\x1b[K{line[:79]}")
        self._stream.flush()

    def clear(self) -> None:
        """Leave nothing behind on the terminal."""
        self._stream.write("\r\x1b[K")
        self._stream.flush()
