"""Counts connections (or sessions) that stay on one replica.

This tells a TCP balancer from an HTTP balancer, and a sticky one from both.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol


class Carrier(Protocol):
    """A carrier of calls: a connection or a session."""

    calls: int
    replica: str
    pinned: bool


@dataclass(slots=True)
class Affinity:
    """How many carriers stayed on one replica.

    Only carriers with two or more calls can show this, so only those are counted.
    """

    pinned: Counter[str] = field(default_factory=Counter)
    """Per replica: carriers that got all of their answers from it."""
    mixed: int = 0
    """Carriers with answers from several replicas."""
    repeats: int = 0
    """Answers on pinned carriers after each carrier's first."""

    def note(self, carrier: Carrier) -> None:
        """Counts one carrier."""
        if carrier.calls < 2 or not carrier.replica:
            return
        if carrier.pinned:
            self.pinned[carrier.replica] += 1
            self.repeats += carrier.calls - 1
        else:
            self.mixed += 1

    def merge(self, other: Affinity) -> None:
        """Adds another process's counts."""
        self.pinned.update(other.pinned)
        self.mixed += other.mixed
        self.repeats += other.repeats
