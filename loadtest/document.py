"""A run as one plain document: what `--json` writes, and all that the text report is made from.

Times are in milliseconds (`_ms`) or seconds (`_s`), shares and rates in percent where the name says
so. A percentile that the sample does not carry is null. Percentages of success are cut off, never
rounded up: 99.996 must not read as 100.
"""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import Any

from loadtest.balance import Balance, weigh
from loadtest.calls import VERSIONS
from loadtest.result import UNNAMED, Result
from loadtest.run import Outcome, Plan
from loadtest.stats import QUANTILES, Histogram

SCHEMA = "mcp-swarm-loadtest/1"
SENT_AT_LEAST = 99.0
"""Percent of an open loop's plan that must have been sent for the run to count."""

BUSY_CPU_PERCENT = 90.0
"""Percent of a core, above which a closed loop measures its tester."""

LATE_MS = 2.0
"""How late calls may be made on average before an open loop measures its tester."""

_NS_PER_MS = 1e6
_NS_PER_S = 1e9


def document(plan: Plan, outcome: Outcome, command: list[str]) -> dict[str, Any]:
    """The whole run; `command` is what repeats it."""
    result = outcome.result
    balance = weigh(result, outcome.affinity, plan.replicas, plan.replica_names)
    seconds = (result.end - result.start) / _NS_PER_S
    checks = _checks(plan, result, balance)
    return {
        "schema": SCHEMA,
        "started": datetime.fromtimestamp(outcome.started_at, UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "interrupted": outcome.interrupted,
        "target": {
            "url": plan.shown_url,
            "protocol": VERSIONS[plan.era],
            "call": plan.call().label,
        },
        "load": {
            "loop": "closed" if plan.rate is None else "open",
            "workers": plan.workers if plan.rate is None else None,
            "rate": plan.rate,
            "arrivals": plan.arrivals if plan.rate is not None else None,
            "calls": plan.calls,
            "seconds": plan.seconds,
            "keep_alive": plan.keep_alive,
            "timeout_s": plan.timeout,
            "seed": plan.seed if plan.arrivals == "poisson" else None,
        },
        "verdict": {"passed": all(check["passed"] for check in checks), "checks": checks},
        "totals": _totals(plan, result, seconds),
        "latency_ms": {
            "since_due": _latency(result.since_due),
            "since_sent": _latency(result.since_sent),
            "to_first_byte": _latency(result.to_first_byte),
        },
        "histogram": [
            {"from_ms": low / _NS_PER_MS, "to_ms": high / _NS_PER_MS, "count": count}
            for low, high, count in result.since_due.octaves()
        ],
        "replicas": _replicas(result),
        "spread": _spread(balance),
        "errors": _errors(result),
        "timeline": _timeline(result),
        "client": _client(outcome, seconds),
        "repeat": shlex.join(command),
    }


def truncated_percent(part: int, whole: int) -> float:
    """Percent with two decimals, cut off; 0.0 of nothing."""
    return part * 10_000 // whole / 100 if whole else 0.0


def _checks(plan: Plan, result: Result, balance: Balance) -> list[dict[str, Any]]:
    ended = result.right + result.failed
    checks = [
        {
            "name": "every answer right",
            "wanted": "100 %",
            "seen": f"{truncated_percent(result.right, ended):.2f} %",
            "passed": ended > 0 and not result.failed,
        }
    ]
    planned = _planned(plan)
    if plan.rate is not None:
        sent = truncated_percent(result.made, result.made + result.dropped)
        checks.append(
            {
                "name": "sent of what was due",
                "wanted": f"≥ {SENT_AT_LEAST:g} %",
                "seen": f"{sent:.2f} %" + (f" of {planned}" if planned else ""),
                "passed": sent >= SENT_AT_LEAST,
            }
        )
    if plan.replicas:
        seen = sum(name != UNNAMED for name in result.replicas)
        checks.append(
            {
                "name": "replicas at work",
                "wanted": f"≥ {plan.replicas}",
                "seen": f"{seen}",
                "passed": seen >= plan.replicas and not balance.silent,
            }
        )
    return checks


def _planned(plan: Plan) -> int | None:
    """Calls the plan asks for, where it says."""
    by_time = None
    if plan.rate is not None and plan.seconds is not None:
        by_time = int(plan.rate * plan.seconds)
    bounds = [bound for bound in (plan.calls, by_time) if bound is not None]
    return min(bounds) if bounds else None


def _totals(plan: Plan, result: Result, seconds: float) -> dict[str, Any]:
    return {
        "planned": _planned(plan),
        "made": result.made,
        "right": result.right,
        "failed": result.failed,
        "dropped": result.dropped,
        "unfinished": result.unfinished,
        "answered": result.answered,
        "success_percent": truncated_percent(result.right, result.right + result.failed),
        "right_per_second": round(result.right / seconds, 2) if seconds else 0.0,
    }


def _latency(histogram: Histogram) -> dict[str, Any]:
    return {
        "n": histogram.count,
        "min": _ms(histogram.minimum),
        "avg": _ms(histogram.mean),
        **{
            name: _ms(histogram.quantile(hundredths)) if histogram.carries(hundredths) else None
            for name, hundredths in QUANTILES.items()
        },
        "max": _ms(histogram.maximum),
    }


def _ms(nanoseconds: float) -> float:
    return round(nanoseconds / _NS_PER_MS, 4)


def _s(nanoseconds: int) -> float:
    return round(nanoseconds / _NS_PER_S, 3)


def _replicas(result: Result) -> list[dict[str, Any]]:
    total = sum(replica.calls for replica in result.replicas.values())
    return [
        {
            "name": name,
            "calls": replica.calls,
            "share_percent": round(100 * replica.calls / total, 2),
            "failed": replica.failed,
            "latency_ms": _latency(replica.latency),
            "first_s": _s(replica.first),
            "last_s": _s(replica.last),
        }
        for name, replica in sorted(result.replicas.items())
    ]


def _spread(balance: Balance) -> dict[str, Any]:
    spread = balance.spread
    return {
        "unit": balance.unit,
        "verdict": spread.verdict,
        "n": spread.total,
        "replicas": spread.replicas,
        "chi_square": round(spread.chi_square, 4),
        "degrees": spread.degrees,
        "p_value": round(spread.p_value, 6),
        "variation_percent": round(100 * spread.variation, 2),
        "chance_variation_percent": round(100 * spread.chance_variation, 2),
        "busiest_over_mean": round(spread.busiest, 4),
        "power_10_percent_short": round(spread.sees_tenth, 4),
        "power_50_percent_short": round(spread.sees_half, 4),
        "needed": spread.needed,
        "silent": list(balance.silent),
        "came_or_went": list(balance.came_or_went),
    }


def _errors(result: Result) -> list[dict[str, Any]]:
    groups = sorted(result.errors.values(), key=lambda group: -group.count)
    return [
        {
            "text": group.text,
            "count": group.count,
            "first_s": _s(group.first),
            "last_s": _s(group.last),
            "replicas": dict(group.replicas.most_common()),
        }
        for group in groups
    ]


def _timeline(result: Result) -> list[dict[str, Any]]:
    last = max(result.seconds, default=-1)
    rows = []
    for number in range(last + 1):
        second = result.seconds.get(number)
        rows.append(
            {
                "second": number,
                "right": second.right if second else 0,
                "failed": second.failed if second else 0,
                "avg_ms": _ms(second.latency.mean) if second and second.right else None,
                "max_ms": _ms(second.latency.maximum) if second and second.right else None,
            }
        )
    return rows


def _client(outcome: Outcome, seconds: float) -> dict[str, Any]:
    made = outcome.result.made
    cpu = 100 * outcome.cpu_seconds / seconds if seconds else 0.0
    return {
        "connections": outcome.connections,
        "reused_percent": truncated_percent(max(0, made - outcome.connections), made),
        "cpu_percent": round(cpu, 1),
        "lateness_ms": _latency(outcome.result.lateness) if outcome.result.lateness.count else None,
    }
