"""Decides whether a run measured its target or the tester itself.

An overloaded tester makes calls late and reads answers late, which looks like latency of the
target. Such a run is invalid, whatever its figures: it has neither passed nor failed. The check
compares the tester's median wait with the median latency and its p99 with the p99, or with the
maximum if the sample is too small for a p99.
"""

from __future__ import annotations

from typing import Any

from mcp_swarm_load.report.paint import milliseconds

SHARE = 0.10
"""Maximum share of a latency that may be the tester's own wait."""

LAG_MS = 2.0
"""Shorter waits come from the clock and the scheduler on any machine."""

LATE_MS = 5.0
"""Calls made up to this long after they are due are on time."""

BUSY_CPU_PERCENT = 90.0
"""Percent of a core above which a process of the tester is at its limit."""

MIN_SAMPLES = 50
"""Minimum samples of the event loop's lag, one every 10 ms: half a second."""


def reasons(client: dict[str, Any], latency: dict[str, Any]) -> list[str]:
    """Returns why the run is no result of its target; empty if it is one.

    `client` and `latency` are the document's parts `client` and `latency_ms`.
    """
    lag, late = client["lag_ms"], client["lateness_ms"]
    if lag["n"] < MIN_SAMPLES:
        return []
    found = []
    sent, due = latency["since_sent"], latency["since_due"]
    for name in ("p50", "p99"):
        if lag[name] > max(LAG_MS, SHARE * _same(sent, name)):
            found.append(
                f"its event loop delayed events by {milliseconds(lag[name])} ms ({name}), more "
                f"than a tenth of the latency, {milliseconds(_same(sent, name))} ms"
            )
    if late["n"] and late["p99"] > max(LATE_MS, SHARE * _same(due, "p99")):
        found.append(
            f"it made 1 call in 100 at least {milliseconds(late['p99'])} ms late, more than a "
            f"tenth of the latency since due, {milliseconds(_same(due, 'p99'))} ms"
        )
    if client["cpu_percent"] > BUSY_CPU_PERCENT:
        found.append(
            f"a process of it used {client['cpu_percent']:.0f} % of a core: the target may be faster"
        )
    return found


def caution(client: dict[str, Any], latency: dict[str, Any]) -> str:
    """Returns a caution about a valid run; empty if there is none."""
    lag, median = client["lag_ms"], latency["since_sent"]["p50"]
    if lag["n"] < MIN_SAMPLES or lag["p99"] <= max(LAG_MS, SHARE * (median or 0.0)):
        return ""
    return "loop lag is over a tenth of the median latency: part of the tail is the tester's"


def _same(latency: dict[str, Any], name: str) -> float:
    value = latency[name]
    return float(latency["max"] if value is None else value)
