"""What a run found out: counts, histograms, replicas, errors and seconds."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from loadtest.connection import Exchange
from loadtest.stats import Histogram

UNNAMED = "(no X-Served-By)"
LARGEST_GROUPS = 40
_OTHER = "other errors"


@dataclass(slots=True)
class Replica:
    """What one replica did, as named by X-Served-By.

    Latency is since a call was sent; `first` and `last` are ns since the run's start.
    """

    calls: int = 0
    failed: int = 0
    latency: Histogram = field(default_factory=Histogram)
    first: int = 0
    last: int = 0


@dataclass(slots=True)
class ErrorGroup:
    """Failures that read alike but for their numbers; the first one's text is kept."""

    text: str
    count: int = 0
    first: int = 0
    last: int = 0
    replicas: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Second:
    """One second of the run, by the time calls ended."""

    right: int = 0
    failed: int = 0
    latency: Histogram = field(default_factory=Histogram)


class Result:
    """Everything counted in one run. `start` and `end` are perf_counter_ns()."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.end = start
        self.made = 0
        self.right = 0
        self.failed = 0
        self.dropped = 0
        self.answered = 0
        self.since_due = Histogram()
        self.since_sent = Histogram()
        self.to_first_byte = Histogram()
        self.lateness = Histogram()
        self.replicas: dict[str, Replica] = {}
        self.errors: dict[str, ErrorGroup] = {}
        self.seconds: dict[int, Second] = {}

    @property
    def unfinished(self) -> int:
        """Calls still waiting when the run was interrupted: neither right nor failed."""
        return self.made - self.right - self.failed

    def add(self, exchange: Exchange, error: str) -> None:
        """Count one call that has ended; `error` is empty if its answer was right."""
        done = exchange.done
        at = done - self.start
        second = self.seconds.get(at // 1_000_000_000)
        if second is None:
            second = self.seconds[at // 1_000_000_000] = Second()
        replica = self._replica(exchange, at)
        if exchange.status:
            self.answered += 1
        if error:
            self.failed += 1
            second.failed += 1
            if replica is not None:
                replica.failed += 1
            self._group(error, at, exchange.replica)
            return
        waited = done - exchange.due
        self.right += 1
        second.right += 1
        second.latency.record(waited)
        self.since_due.record(waited)
        served = done - exchange.sent
        self.since_sent.record(served)
        self.to_first_byte.record(exchange.first_byte - exchange.sent)
        if replica is not None:
            replica.latency.record(served)

    def _replica(self, exchange: Exchange, at: int) -> Replica | None:
        """The replica that answered, anything at all; None where nothing did."""
        if not exchange.status:
            return None
        name = exchange.replica or UNNAMED
        replica = self.replicas.get(name)
        if replica is None:
            replica = self.replicas[name] = Replica(first=at)
        replica.calls += 1
        replica.last = at
        return replica

    def _group(self, error: str, at: int, replica: str) -> None:
        key = re.sub(r"[0-9a-fA-F-]{8,}|\d+", "#", error)
        if key not in self.errors and len(self.errors) >= LARGEST_GROUPS:
            key = error = _OTHER
        group = self.errors.get(key)
        if group is None:
            group = self.errors[key] = ErrorGroup(error, first=at)
        group.count += 1
        group.last = at
        if replica:
            group.replicas[replica] += 1
