"""Shows a progress line on the terminal: rate, errors, p95 and replicas of the last seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import TextIO

from mcp_swarm_load.measure.result import UNNAMED, Result
from mcp_swarm_load.measure.stats import Histogram
from mcp_swarm_load.report.paint import milliseconds, thousands

_RECENT_SECONDS = 3


@dataclass(slots=True)
class Snapshot:
    """The state of a run so far, small enough to send from one process to another."""

    elapsed: int = 0
    """Nanoseconds since measuring began; negative during the warm-up."""
    right: int = 0
    failed: int = 0
    recent: Histogram = field(default_factory=Histogram)
    """Latency since due of the last seconds."""
    replicas: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, result: Result) -> Snapshot:
        """Returns the current snapshot of `result`."""
        now = perf_counter_ns() - result.start
        recent = Histogram()
        for number in range(now // 1_000_000_000 - _RECENT_SECONDS, now // 1_000_000_000 + 1):
            if number in result.seconds:
                recent.merge(result.seconds[number].latency)
        replicas = {name for name in result.replicas if name != UNNAMED}
        return cls(now, result.right, result.failed, recent, replicas)

    def merge(self, other: Snapshot) -> None:
        """Adds another process's snapshot."""
        self.elapsed = max(self.elapsed, other.elapsed)
        self.right += other.right
        self.failed += other.failed
        self.recent.merge(other.recent)
        self.replicas |= other.replicas


class Progress:
    """Draws the progress line for each snapshot it is called with."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, snapshot: Snapshot) -> None:
        """Redraws the line."""
        seconds = snapshot.elapsed / 1e9
        recent = snapshot.recent
        window = min(seconds, seconds % 1 + _RECENT_SECONDS)
        line = (
            f"{seconds:6.1f} s  {thousands(snapshot.right + snapshot.failed)} calls"
            f"  {thousands(round(recent.count / window)) if window else 0}/s"
            f"  {thousands(snapshot.failed)} failed"
            f"  p95 {milliseconds(recent.quantile(9500) / 1e6 if recent.count else None)} ms"
            f"  {len(snapshot.replicas)} replicas"
        )
        if seconds < 0:
            line = "  warming up"
        self._stream.write(f"\r\x1b[K{line[:79]}")
        self._stream.flush()

    def clear(self) -> None:
        """Erases the line."""
        self._stream.write("\r\x1b[K")
        self._stream.flush()
