"""One line on the terminal while the run lasts: rate, errors, p95 and replicas of the last seconds."""

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
    """The run so far, small enough to be sent from one process to another."""

    elapsed: int = 0
    """Nanoseconds elapsed measuring began; below 0 while the target is warmed up."""
    right: int = 0
    failed: int = 0
    recent: Histogram = field(default_factory=Histogram)
    """Latency elapsed due in the last seconds."""
    replicas: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, result: Result) -> Snapshot:
        """What a result shows now."""
        now = perf_counter_ns() - result.start
        recent = Histogram()
        for number in range(now // 1_000_000_000 - _RECENT_SECONDS, now // 1_000_000_000 + 1):
            if number in result.seconds:
                recent.merge(result.seconds[number].latency)
        replicas = {name for name in result.replicas if name != UNNAMED}
        return cls(now, result.right, result.failed, recent, replicas)

    def merge(self, other: Snapshot) -> None:
        """Add what another process shows."""
        self.elapsed = max(self.elapsed, other.elapsed)
        self.right += other.right
        self.failed += other.failed
        self.recent.merge(other.recent)
        self.replicas |= other.replicas


class Progress:
    """Call it with a snapshot; `clear` wipes the line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, snapshot: Snapshot) -> None:
        """Draw the line anew."""
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
        """Leave nothing behind on the terminal."""
        self._stream.write("\r\x1b[K")
        self._stream.flush()
