"""Whether connections (or sessions) keep to one replica each: tells a TCP balancer from an HTTP one,
and a sticky one from both.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol


class Carrier(Protocol):
    """What carries calls: a connection or a session."""

    calls: int
    replica: str
    pinned: bool


@dataclass(slots=True)
class Affinity:
    """How carriers and replicas went together.

    Only carriers that carried two calls or more can tell, and only those are counted.
    """

    pinned: Counter[str] = field(default_factory=Counter)
    """Carriers per replica that had all of their answers from it."""
    mixed: int = 0
    """Carriers with answers of several replicas."""
    repeats: int = 0
    """Answers on pinned carriers beyond each one's first."""

    def note(self, carrier: Carrier) -> None:
        """Count one carrier."""
        if carrier.calls < 2 or not carrier.replica:
            return
        if carrier.pinned:
            self.pinned[carrier.replica] += 1
            self.repeats += carrier.calls - 1
        else:
            self.mixed += 1

    def merge(self, other: Affinity) -> None:
        """Add what another process saw."""
        self.pinned.update(other.pinned)
        self.mixed += other.mixed
        self.repeats += other.repeats
