"""The result of a run: counts, histograms, replicas, errors and seconds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mcp_swarm_load.measure.flow import Flow
from mcp_swarm_load.measure.stats import Histogram
from mcp_swarm_load.target.connection import Exchange

UNNAMED = "(no X-Served-By)"
MAX_ERROR_GROUPS = 40
TICK_NS = 100_000_000
_OTHER = "other errors"


@dataclass(slots=True)
class Replica:
    """The answers of one replica, named by X-Served-By.

    Latency is since a call was sent. The other times are nanoseconds since the run's start:
    `first_sent` is when the call of its first answer was sent, `first` and `last` are its first
    and last answer.
    """

    calls: int = 0
    failed: int = 0
    latency: Histogram = field(default_factory=Histogram)
    first_sent: int = 0
    first: int = 0
    last: int = 0

    def merge(self, other: Replica) -> None:
        """Adds another process's answers of this replica."""
        self.calls += other.calls
        self.failed += other.failed
        self.latency.merge(other.latency)
        self.first_sent = min(self.first_sent, other.first_sent)
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)


@dataclass(slots=True)
class ErrorGroup:
    """Failures whose texts differ in numbers only. It keeps the text of the first one."""

    text: str
    count: int = 0
    first: int = 0
    last: int = 0
    replicas: Counter[str] = field(default_factory=Counter)

    def merge(self, other: ErrorGroup) -> None:
        """Adds another process's failures of the same kind and keeps the earliest text."""
        if other.first < self.first:
            self.text, self.first = other.text, other.first
        self.count += other.count
        self.last = max(self.last, other.last)
        self.replicas.update(other.replicas)


@dataclass(slots=True)
class Second:
    """The calls that ended in one second of the run."""

    right: int = 0
    failed: int = 0
    latency: Histogram = field(default_factory=Histogram)

    def merge(self, other: Second) -> None:
        """Adds another process's calls of the same second."""
        self.right += other.right
        self.failed += other.failed
        self.latency.merge(other.latency)


@dataclass(slots=True)
class Tally:
    """Calls of one kind or of one tenant. Latency is since due, of right answers only."""

    calls: int = 0
    failed: int = 0
    latency: Histogram = field(default_factory=Histogram)

    def add(self, waited: int, *, right: bool) -> None:
        """Counts one call that has ended."""
        self.calls += 1
        if right:
            self.latency.record(waited)
        else:
            self.failed += 1

    def merge(self, other: Tally) -> None:
        """Adds the other's calls."""
        self.calls += other.calls
        self.failed += other.failed
        self.latency.merge(other.latency)


class Result:
    """Everything counted in one run. `start` and `end` are perf_counter_ns()."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.end = start
        self.last_sent = 0
        """When the last call was sent. The drain follows."""
        self.made = 0
        self.right = 0
        self.failed = 0
        self.dropped = 0
        self.answered = 0
        self.since_due = Histogram()
        self.since_sent = Histogram()
        self.to_first_byte = Histogram()
        self.lateness = Histogram()
        self.lag = Histogram()
        """Delay of events in this tester's loop. `health.monitor` records it."""
        self.cpu_percent = 0.0
        """Percent of one core that the tester's busiest process used."""
        self.recorder: Callable[..., None] | None = None
        """Receives the arguments of every `add`, and of `add_extra` with `,"extra":true` as `more`."""
        self.replicas: dict[str, Replica] = {}
        self.errors: dict[str, ErrorGroup] = {}
        self.seconds: dict[int, Second] = {}
        self.ticks: dict[int, int] = {}
        """Answered calls by the tenth of a second in which they were sent."""
        self.warmup = 0
        """Calls made before measuring began. No other figure includes them."""
        self.extra = 0
        """Further requests of calls: handshakes, input rounds, polls."""
        self.kinds: dict[tuple[str, str], Tally] = {}
        """Per (era, label): `("modern", "tools/call add")`."""
        self.tenants: dict[str, Tally] = {}
        """Per tenant of the token file; empty without one."""
        self.flow = Flow()

    @property
    def unfinished(self) -> int:
        """Calls in flight when the run was interrupted. They are neither right nor failed."""
        return self.made - self.right - self.failed

    def add(
        self, exchange: Exchange, error: str, era: str = "", label: str = "", tenant: str = ""
    ) -> None:
        """Counts one call that has ended. `error` is empty if its answer was right."""
        if self.recorder is not None:
            self.recorder(exchange, error, era, label, tenant)
        if exchange.sent > self.last_sent:  # noqa: PLR1730  max() costs more, and this runs for every answer
            self.last_sent = exchange.sent
        done = exchange.done
        at = done - self.start
        second = self.seconds.get(at // 1_000_000_000)
        if second is None:
            second = self.seconds[at // 1_000_000_000] = Second()
        replica = self._replica(exchange, at)
        if exchange.status:
            self.answered += 1
        waited = done - exchange.due
        if label:
            kind = self.kinds.get((era, label))
            if kind is None:
                kind = self.kinds[era, label] = Tally()
            kind.add(waited, right=not error)
        if tenant:
            tally = self.tenants.get(tenant)
            if tally is None:
                tally = self.tenants[tenant] = Tally()
            tally.add(waited, right=not error)
        if error:
            self.failed += 1
            second.failed += 1
            if replica is not None:
                replica.failed += 1
            self._group(error, at, exchange.replica)
            return
        self.right += 1
        second.right += 1
        second.latency.record(waited)
        self.since_due.record(waited)
        served = done - exchange.sent
        self.since_sent.record(served)
        self.to_first_byte.record(exchange.first_byte - exchange.sent)
        if replica is not None:
            replica.latency.record(served)

    def add_extra(self, exchange: Exchange) -> None:
        """Counts a request that is part of a call but not its last one, for its replica only."""
        self.extra += 1
        if self.recorder is not None:
            self.recorder(exchange, "", "", "", "", ',"extra":true')
        self._replica(exchange, exchange.done - self.start)

    def merge(self, other: Result) -> None:
        """Adds another process's result of the same run. Both have the same `start`."""
        for name in ("made", "right", "failed", "dropped", "answered", "warmup", "extra"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.end = max(self.end, other.end)
        self.last_sent = max(self.last_sent, other.last_sent)
        self.cpu_percent = max(self.cpu_percent, other.cpu_percent)
        for name in ("since_due", "since_sent", "to_first_byte", "lateness", "lag", "flow"):
            getattr(self, name).merge(getattr(other, name))
        for mine, theirs in (
            (self.replicas, other.replicas),
            (self.seconds, other.seconds),
            (self.kinds, other.kinds),
            (self.tenants, other.tenants),
        ):
            _merge_each(mine, theirs)
        for tick, count in other.ticks.items():
            self.ticks[tick] = self.ticks.get(tick, 0) + count
        for key, group in other.errors.items():
            if key in self.errors or len(self.errors) < MAX_ERROR_GROUPS:
                _merge_each(self.errors, {key: group})
            else:
                group.text = _OTHER
                _merge_each(self.errors, {_OTHER: group})

    def _replica(self, exchange: Exchange, at: int) -> Replica | None:
        """Counts the answer for its replica and returns the replica; None without an HTTP answer."""
        if not exchange.status:
            return None
        tick = (exchange.sent - self.start) // TICK_NS
        self.ticks[tick] = self.ticks.get(tick, 0) + 1
        name = exchange.replica or UNNAMED
        replica = self.replicas.get(name)
        if replica is None:
            replica = self.replicas[name] = Replica(first_sent=exchange.sent - self.start, first=at)
        replica.calls += 1
        if at > replica.last:
            replica.last = at
        elif at < replica.first:
            replica.first_sent, replica.first = exchange.sent - self.start, at
        return replica

    def _group(self, error: str, at: int, replica: str) -> None:
        key = re.sub(r"[0-9a-fA-F-]{8,}|\d+", "#", error)
        if key not in self.errors and len(self.errors) >= MAX_ERROR_GROUPS:
            key = error = _OTHER
        group = self.errors.get(key)
        if group is None:
            group = self.errors[key] = ErrorGroup(error, first=at)
        elif at < group.first:
            group.first, group.text = at, error
        group.count += 1
        group.last = max(group.last, at)
        if replica:
            group.replicas[replica] += 1


def _merge_each(mine: dict[Any, Any], theirs: dict[Any, Any]) -> None:
    """Merges the entries of both and copies the entries of the other only."""
    for key, value in theirs.items():
        if key in mine:
            mine[key].merge(value)
        else:
            mine[key] = value
