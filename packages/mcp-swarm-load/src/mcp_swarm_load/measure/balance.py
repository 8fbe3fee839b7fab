"""From a run's result to the question that `spread` answers: which unit, which counts, which shares.

A replica that came or went during the run (a rolling update, a kill) owes only its time's share.
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
"""Chance, at most, of taking an HTTP balancer for one that pins connections."""

_MAX_GAPS = 10
"""A replica unseen for so many of its mean gaps was not there: chance makes e**-10 of it."""


@dataclass(frozen=True, slots=True)
class Balance:
    """The spread over the replicas, and who was expected and stayed silent."""

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
    """Judge the spread of `result`, where `expected` replicas (by `names`, if known) should be.

    `affinity` is that of connections and that of sessions, by unit.
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
    """What the balancer balances: connections if each kept to one replica, else sessions if each
    did, else requests. Beyond what chance could do, and where none did otherwise.
    """
    units: tuple[Unit, ...] = ("connection", "session")
    for unit in units:
        seen = affinity.get(unit, Affinity())
        if replicas > 1 and not seen.mixed:
            if seen.repeats * math.log(replicas) > -math.log(_CHANCE):
                return unit
    return "request"


def _windows(result: Result) -> tuple[int, int, Mapping[str, tuple[int, int]]]:
    """The run's first call and last answer, and each replica's, stretched to the run's where close.

    Close is counted in calls, not in time: a pause of all is no absence of one. It is counted in
    calls sent, from that which a replica answered first to its last answer: a slow replica came no
    later than a quick one, and a quick one did not go while the slow one's last answers came.
    """
    seen = {name: each for name, each in result.replicas.items() if name != UNNAMED}
    start = min((each.asked for each in seen.values()), default=0)
    end = max((each.last for each in seen.values()), default=0)
    calls = sum(each.calls for each in seen.values())
    windows = {}
    for name, each in seen.items():
        first, last = each.asked // TICK_NS, each.last // TICK_NS
        before = sum(count for tick, count in result.ticks.items() if tick < first)
        after = sum(count for tick, count in result.ticks.items() if tick > last)
        many = _MAX_GAPS * calls / each.calls
        windows[name] = (each.asked if before > many else start, each.last if after > many else end)
    return start, end, windows


def _came_or_went(result: Result) -> tuple[str, ...]:
    start, end, windows = _windows(result)
    return tuple(name for name, window in windows.items() if window != (start, end))


def _time_shares(result: Result) -> dict[str, float] | None:
    """Calls each replica owes, tenth by tenth of a second shared by those present; None if all always were."""
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
