"""Does a run say anything of its target, or has the tester measured itself?

A tester that is out of breath makes calls late and reads answers late, and both would be put down
to the target. Such a run is invalid whatever its figures say: it has neither passed nor failed.
Like is held against like: the tester's own median wait against the median latency, its p99 against
the p99 (the maximum, where the sample carries no p99).
"""

from __future__ import annotations

from typing import Any

from mcp_swarm_load.report.paint import milliseconds

SHARE = 0.10
"""Of a latency that may be the tester's own wait."""

LAG_MS = 2.0
"""Waits below this are the clock's and the scheduler's, on any machine."""

LATE_MS = 5.0
"""Calls made so long after they were due are on time still."""

BUSY_CPU_PERCENT = 90.0
"""Percent of a core, above which a process of this tester has nothing left to give."""

MIN_SAMPLES = 50
"""Samples of the event loop (one each 10 ms): half a second, below which nothing can be told."""


def reasons(client: dict[str, Any], latency: dict[str, Any]) -> list[str]:
    """Why the run is no result of its target, a clause each; none if it is one.

    Both are the document's parts: `client` and `latency_ms`.
    """
    lag, late = client["lag_ms"], client["lateness_ms"]
    if lag["n"] < MIN_SAMPLES:
        return []
    found = []
    sent, due = latency["since_sent"], latency["since_due"]
    for name in ("p50", "p99"):
        if lag[name] > max(LAG_MS, SHARE * _same(sent, name)):
            found.append(
                f"its event loop kept events waiting {milliseconds(lag[name])} ms ({name}), more "
                f"than a tenth of the latency, {milliseconds(_same(sent, name))} ms"
            )
    if late["n"] and late["p99"] > max(LATE_MS, SHARE * _same(due, "p99")):
        found.append(
            f"it made 1 call in 100 {milliseconds(late['p99'])} ms late or later, more than a "
            f"tenth of the latency since due, {milliseconds(_same(due, 'p99'))} ms"
        )
    if client["cpu_percent"] > BUSY_CPU_PERCENT:
        found.append(
            f"a process of it used {client['cpu_percent']:.0f} % of a core: the target can do more"
        )
    return found


def caution(client: dict[str, Any], latency: dict[str, Any]) -> str:
    """What to bear in mind of a run that is valid; empty if nothing."""
    lag, median = client["lag_ms"], latency["since_sent"]["p50"]
    if lag["n"] < MIN_SAMPLES or lag["p99"] <= max(LAG_MS, SHARE * (median or 0.0)):
        return ""
    return "the loop's lag is over a tenth of the median latency: part of the tail is the tester's"


def _same(latency: dict[str, Any], name: str) -> float:
    value = latency[name]
    return float(latency["max"] if value is None else value)
