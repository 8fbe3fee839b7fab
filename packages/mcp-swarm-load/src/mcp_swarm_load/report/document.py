"""Builds the document of a run. `--json` writes it, and every report is rendered from it.

Times are in milliseconds (`_ms`) or seconds (`_s`), shares in percent if the name says so. A
percentile that the sample is too small for is null. Percentages of success are rounded down, so
that 99.996 does not read as 100.

A document has three sources: the run's identity, the result of its calls, and a closing with facts
that no call has. A record holds all three, so it gives the same document.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from mcp_swarm_load.measure.affinity import Affinity
from mcp_swarm_load.measure.balance import Balance, judge_balance
from mcp_swarm_load.measure.figures import figures, ms, seconds_of, truncated_percent
from mcp_swarm_load.measure.flow import Flow
from mcp_swarm_load.measure.identity import Criteria, identity
from mcp_swarm_load.measure.result import Result, Tally
from mcp_swarm_load.measure.stats import Histogram
from mcp_swarm_load.measure.verdict import verdict
from mcp_swarm_load.plan import Plan
from mcp_swarm_load.run import Outcome

_NS_PER_MS = 1e6
_NS_PER_S = 1e9


def document(
    plan: Plan, outcome: Outcome, command: list[str], criteria: Criteria | None = None
) -> dict[str, Any]:
    """Returns the document of a run. `command` repeats the run."""
    head = identity(plan, outcome.started_at, command, criteria or Criteria())
    return assemble(head, outcome.result, closing(outcome))


def closing(outcome: Outcome) -> dict[str, Any]:
    """Returns the facts at the end of a run that its calls do not have, as plain data."""
    result = outcome.result
    return {
        "lasted_ns": result.end - result.start,
        "interrupted": outcome.interrupted,
        "made": result.made,
        "dropped": result.dropped,
        "warmup": result.warmup,
        "client": _client(outcome),
        "flow": _flow(result.flow),
        "affinity": {
            "connection": _affinity(outcome.affinity),
            "session": _affinity(result.flow.session_affinity),
        },
    }


def cut_short(result: Result) -> dict[str, Any]:
    """Returns a closing for the record of a killed run, made from its calls."""
    last = max((result.start, *(each.last for each in result.replicas.values())))
    last = max(last, *(group.last for group in result.errors.values()), result.last_sent)
    result.end = last
    result.made = result.right + result.failed
    affinity, flow, none = Affinity(), Flow(), Histogram()
    return {
        "lasted_ns": last,
        "interrupted": True,
        "made": result.made,
        "dropped": 0,
        "warmup": 0,
        "client": {
            "connections": 0,
            "reused_percent": 0.0,
            "cpu_percent": 0.0,
            "lag_ms": _waits(none),
            "lateness_ms": _waits(none),
        },
        "flow": _flow(flow),
        "affinity": {"connection": _affinity(affinity), "session": _affinity(affinity)},
    }


def assemble(head: dict[str, Any], result: Result, close: dict[str, Any]) -> dict[str, Any]:
    """Returns the document for an identity, the result of the calls and a closing."""
    affinity = {unit: _as_affinity(known) for unit, known in close["affinity"].items()}
    expected = head["expected"]
    balance = judge_balance(
        result, affinity, expected["replicas"], tuple(expected["names"]), head["unit"]
    )
    body = {
        "schema": head["schema"],
        "started": head["started"],
        "seconds": round(close["lasted_ns"] / _NS_PER_S, 3),
        "interrupted": close["interrupted"],
        "target": head["target"],
        "load": head["load"],
        "totals": _totals(head, result, close),
        "latency_ms": {
            "since_due": figures(result.since_due),
            "since_sent": figures(result.since_sent),
            "to_first_byte": figures(result.to_first_byte),
        },
        "histogram": [
            {
                "from_ms": round(low / _NS_PER_MS, 6),
                "to_ms": round(high / _NS_PER_MS, 6),
                "count": count,
            }
            for low, high, count in result.since_due.steps()
        ],
        "replicas": _replicas(result),
        "spread": _spread(balance),
        "flow": close["flow"],
        "kinds": [
            {"era": era, "label": label, **_tally(tally)}
            for (era, label), tally in sorted(result.kinds.items())
        ],
        "tenants": [
            {"name": name, **_tally(tally)} for name, tally in sorted(result.tenants.items())
        ],
        "errors": _errors(result),
        "timeline": _timeline(result),
        "client": close["client"],
        "recorded": head["recorded"],
        "repeat": head["repeat"],
    }
    return {**body, "verdict": verdict(head, body)}


def _totals(head: dict[str, Any], result: Result, close: dict[str, Any]) -> dict[str, Any]:
    lasted = close["lasted_ns"]
    sending = max(0, result.last_sent - result.start)
    return {
        "planned": head["planned"],
        "made": close["made"],
        "right": result.right,
        "failed": result.failed,
        "dropped": close["dropped"],
        "unfinished": close["made"] - result.right - result.failed,
        "answered": result.answered,
        "warmup": close["warmup"],
        "extra": result.extra,
        "success_percent": truncated_percent(result.right, result.right + result.failed),
        "made_per_second": _rate(close["made"], sending),
        "right_per_second": _rate(result.right, lasted),
        "drain_s": seconds_of(max(0, lasted - sending)),
    }


def _rate(count: int, nanoseconds: int) -> float:
    return round(count / (nanoseconds / _NS_PER_S), 2) if nanoseconds else 0.0


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "calls": tally.calls,
        "failed": tally.failed,
        "latency_ms": figures(tally.latency),
    }


def _replicas(result: Result) -> list[dict[str, Any]]:
    total = sum(replica.calls for replica in result.replicas.values())
    return [
        {
            "name": name,
            "calls": replica.calls,
            "share_percent": round(100 * replica.calls / total, 2),
            "failed": replica.failed,
            "latency_ms": figures(replica.latency),
            "first_s": seconds_of(replica.first),
            "last_s": seconds_of(replica.last),
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
        "least": spread.least or None,
        "shortfall_percent": round(100 * spread.shortfall, 2),
        "shortfall_error_percent": round(100 * spread.shortfall_error, 2),
        "silent": list(balance.silent),
        "came_or_went": list(balance.came_or_went),
    }


def _errors(result: Result) -> list[dict[str, Any]]:
    groups = sorted(result.errors.values(), key=lambda group: (-group.count, group.first))
    return [
        {
            "text": group.text,
            "count": group.count,
            "first_s": seconds_of(group.first),
            "last_s": seconds_of(group.last),
            "replicas": dict(sorted(group.replicas.items(), key=lambda each: (-each[1], each[0]))),
        }
        for group in groups
    ]


def _timeline(result: Result) -> list[dict[str, Any]]:
    last = max(result.seconds, default=-1)
    rows = []
    for number in range(last + 1):
        second = result.seconds.get(number)
        known = figures(second.latency) if second and second.right else {}
        rows.append(
            {
                "second": number,
                "right": second.right if second else 0,
                "failed": second.failed if second else 0,
                "avg_ms": known.get("avg"),
                "p95_ms": known.get("p95"),
                "max_ms": known.get("max"),
            }
        )
    return rows


def _client(outcome: Outcome) -> dict[str, Any]:
    result = outcome.result
    return {
        "connections": outcome.connections,
        "reused_percent": truncated_percent(max(0, result.made - outcome.connections), result.made),
        "cpu_percent": round(result.cpu_percent, 1),
        "lag_ms": _waits(result.lag),
        "lateness_ms": _waits(result.lateness),
    }


def _waits(histogram: Histogram) -> dict[str, Any]:
    """Returns the tester's own waits. Its p99 is shown for any sample size."""
    return {
        "n": histogram.count,
        "p50": ms(histogram.quantile(5000)),
        "p99": ms(histogram.quantile(9900)),
        "max": ms(histogram.maximum),
    }


def _flow(flow: Flow) -> dict[str, Any]:
    """Returns the counts of sessions, streams, input rounds and tasks, with figures of latencies."""
    counts: dict[str, Any] = {}
    for name in flow.__slots__:
        value = getattr(flow, name)
        if isinstance(value, int):
            counts[name] = value
        elif isinstance(value, Histogram):
            counts[f"{name}_ms"] = figures(value)
    return counts


def _affinity(affinity: Affinity) -> dict[str, Any]:
    return {
        "pinned": dict(sorted(affinity.pinned.items())),
        "mixed": affinity.mixed,
        "repeats": affinity.repeats,
    }


def _as_affinity(known: dict[str, Any]) -> Affinity:
    return Affinity(Counter(known["pinned"]), known["mixed"], known["repeats"])
