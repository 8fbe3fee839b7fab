"""The verdict on a run: its checks, and whether the run is valid at all.

`pass` needs every check to pass. `fail` is a result of the server too. `invalid` is not: the tester
was the bottleneck and measured itself.
"""

from __future__ import annotations

from typing import Any

from mcp_swarm_load.measure import validity
from mcp_swarm_load.measure.figures import truncated_percent
from mcp_swarm_load.measure.threshold import check, parse

MIN_SENT_PERCENT = 99.0
"""Minimum percent of an open loop's calls that must be sent."""


def verdict(head: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """Returns the document's part `verdict`. `head` is the run's identity, `run` the other parts.

    Two checks apply unless a threshold replaces them. Every answer must be right, and 99 % of an
    open loop's calls must be sent.
    """
    thresholds = [parse(text) for text in head["thresholds"]]
    metrics = {threshold.metric for threshold in thresholds if not threshold.kind}
    totals = run["totals"]
    checks = [check(threshold, run) for threshold in thresholds]
    if head["expected"]["replicas"]:
        checks.insert(0, _replicas_at_work(head, run))
    if run["load"]["loop"] == "open" and not metrics & {"sent", "dropped"}:
        checks.insert(0, _sent(totals))
    if not metrics & {"errors", "success"}:
        checks.insert(0, _all_right(totals))
    because = validity.reasons(run["client"], run["latency_ms"])
    is_invalid = bool(because) and not head["busy_client_accepted"]
    passed = all(each["passed"] for each in checks)
    return {
        "result": "invalid" if is_invalid else "pass" if passed else "fail",
        "passed": passed and not is_invalid,
        "client_was_bottleneck": because,
        "checks": checks,
    }


def _all_right(totals: dict[str, Any]) -> dict[str, Any]:
    ended = totals["right"] + totals["failed"]
    return {
        "name": "every answer right",
        "wanted": "100 %",
        "seen": f"{totals['success_percent']:.2f} %",
        "passed": ended > 0 and not totals["failed"],
    }


def _sent(totals: dict[str, Any]) -> dict[str, Any]:
    sent = truncated_percent(totals["made"], totals["made"] + totals["dropped"])
    planned = f" of {totals['planned']}" if totals["planned"] else ""
    return {
        "name": "sent of what was due",
        "wanted": f"≥ {MIN_SENT_PERCENT:g} %",
        "seen": f"{sent:.2f} %{planned}",
        "passed": sent >= MIN_SENT_PERCENT,
    }


def _replicas_at_work(head: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    wanted = head["expected"]["replicas"]
    seen = sum(not row["name"].startswith("(") for row in run["replicas"])
    return {
        "name": "replicas at work",
        "wanted": f"≥ {wanted}",
        "seen": f"{seen}",
        "passed": seen >= wanted and not run["spread"]["silent"],
    }
