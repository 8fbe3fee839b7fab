"""Prepares a run's result for the test in `spread`: the unit, the counts and the expected shares.

A replica that started or stopped during the run (a rolling update, a kill) is expected to have
answered only its time's share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mcp_swarm_load.measure import spread
from mcp_swarm_load.measure.affinity import Affinity
from mcp_swarm_load.measure.result import TICK_NS, UNNAMED, Result

Unit = Literal["request", "connection", "session"]

_CHANCE = 0.01
"""Maximum probability of taking an HTTP balancer for one that pins connections."""

_MAX_GAPS = 10
"""A replica unseen for this many of its mean gaps was absent. By chance: probability e**-10."""


@dataclass(frozen=True, slots=True)
class Balance:
    """The spread over the replicas, and the expected replicas that stayed silent."""

    unit: Unit
    spread: spread.Spread
    silent: tuple[str, ...]
    came_or_went: tuple[str, ...]


def judge_balance(
    result: Result,
    affinity: Mapping[str, Affinity],
    expected: int,
    names: tuple[str, ...],
    unit: Unit | Literal["auto"] = "auto",
) -> Balance:
    """Judges the spread of `result` over `expected` replicas, named by `names` if known.

    `affinity` has the affinity of connections and of sessions, by unit.
    """
    counts = {name: each.calls for name, each in result.replicas.items() if name != UNNAMED}
    if unit == "auto":
        unit = _detect_unit(affinity, len(counts))
    if unit != "request":
        counts = {name: affinity[unit].pinned.get(name, 0) for name in counts}
    silent = [name for name in names if name not in counts]
    unnamed = max(0, expected - len(counts) - len(silent))
    silent += [f"(silent {number})" for number in range(1, unnamed + 1)]
    shares = _time_shares(result) if unit == "request" else None
    came_or_went = _came_or_went(result) if shares else ()
    if shares:
        counts = {name: counts[name] for name in counts if shares[name] >= spread.MIN_EXPECTED}
        shares |= dict.fromkeys(silent, max(shares.values()))
    counts |= dict.fromkeys(silent, 0)
    return Balance(unit, spread.judge(counts, shares), tuple(silent), came_or_went)


def _detect_unit(affinity: Mapping[str, Affinity], replicas: int) -> Unit:
    """Returns the unit that the balancer balances.

    It is the connection if every connection stayed on one replica, else the session if every
    session did, else the request. Both need more repeats than chance explains.
    """
    units: tuple[Unit, ...] = ("connection", "session")
    for unit in units:
        seen = affinity.get(unit, Affinity())
        if replicas > 1 and not seen.mixed:
            if seen.repeats * math.log(replicas) > -math.log(_CHANCE):
                return unit
    return "request"


def _windows(result: Result) -> tuple[int, int, Mapping[str, tuple[int, int]]]:
    """Returns the run's first call and last answer, and each replica's window between the two.

    A replica's window extends to the run's start or end if few calls lie between. The distance
    counts in calls and not in time, so that a pause of all replicas is no absence of one. It
    counts calls by when they were sent, so that a slow replica does not seem to start late and a
    quick one does not seem to stop early.
    """
    seen = {name: each for name, each in result.replicas.items() if name != UNNAMED}
    start = min((each.first_sent for each in seen.values()), default=0)
    end = max((each.last for each in seen.values()), default=0)
    calls = sum(each.calls for each in seen.values())
    windows = {}
    for name, each in seen.items():
        first, last = each.first_sent // TICK_NS, each.last // TICK_NS
        before = sum(count for tick, count in result.ticks.items() if tick < first)
        after = sum(count for tick, count in result.ticks.items() if tick > last)
        many = _MAX_GAPS * calls / each.calls
        windows[name] = (
            each.first_sent if before > many else start,
            each.last if after > many else end,
        )
    return start, end, windows


def _came_or_went(result: Result) -> tuple[str, ...]:
    start, end, windows = _windows(result)
    return tuple(name for name, window in windows.items() if window != (start, end))


def _time_shares(result: Result) -> dict[str, float] | None:
    """Returns the expected calls of each replica; None if all were present all the time.

    The replicas that are present in a tenth of a second share its calls.
    """
    if not _came_or_went(result):
        return None
    start, end, windows = _windows(result)
    shares = dict.fromkeys(windows, 0.0)
    for tick, calls in result.ticks.items():
        low, high = max(start, tick * TICK_NS), min(end, (tick + 1) * TICK_NS)
        present = {
            name: max(0, min(high, last) - max(low, first))
            for name, (first, last) in windows.items()
        }
        whole = sum(present.values())
        for name, time in present.items():
            shares[name] += calls * time / whole if whole else 0.0
    return shares
