"""Thresholds that a run must meet: `p95<100ms`, `errors<0.1%`, `replicas=3`, `even`, `rate>100/s`.

A threshold is parsed once and checked against the run's document. A threshold that the run cannot
answer, such as a p99 of 200 calls, is missed.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mcp_swarm_load.measure.stats import MIN_TAIL, QUANTILES
from mcp_swarm_load.report.paint import DASH

EXAMPLES = "'p95<100ms' 'errors<0.1%' 'rate>100/s' 'replicas=3' 'even'"
LATENCIES = ("min", "avg", *QUANTILES, "max")
SINCE = {"": "since_due", "due.": "since_due", "sent.": "since_sent", "first.": "to_first_byte"}
COUNTED = ("errors", "dropped", "success", "sent", "rate", "replicas")

_SIGNS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥", "=": "="}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_MS = {"": 1.0, "ms": 1.0, "s": 1000.0, "us": 0.001, "µs": 0.001}
_UNITS = {
    "errors": ("", "%"),
    "dropped": ("", "%"),
    "success": ("%",),
    "sent": ("%",),
    "rate": ("", "/s"),
    "replicas": ("",),
}
_FORM = re.compile(
    r"(?P<metric>[a-z][a-z0-9.]*)(?:@(?P<kind>[^<>=≤≥]+?))?\s*"
    r"(?P<sign><=|>=|==|=|<|>|≤|≥)\s*(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>[a-zµ%/]*)"
)


class ThresholdError(ValueError):
    """A threshold cannot be parsed. The message says what was expected."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A metric of all calls or of one kind of call, a comparison and a bound."""

    text: str
    metric: str
    sign: str = "="
    bound: float = 0.0
    """In milliseconds for a latency, else in `unit`."""
    unit: str = ""
    kind: str = ""


def parse(text: str) -> Threshold:
    """Parses one threshold. Raises ThresholdError."""
    text = text.strip()
    if text == "even":
        return Threshold(text, "even")
    match = _FORM.fullmatch(text)
    if match is None:
        raise ThresholdError(f"{text!r} is not a threshold: expected one such as {EXAMPLES}")
    metric, sign, unit, kind = match["metric"], match["sign"], match["unit"], match["kind"] or ""
    sign = {"==": "=", "≤": "<=", "≥": ">="}.get(sign, sign)
    bound = float(match["value"])
    if _latency_of(metric):
        if unit not in _MS:
            raise ThresholdError(
                f"{text!r}: {metric} is a time: expected ms, s or us, not {unit!r}"
            )
        if sign == "=":
            raise ThresholdError(f"{text!r}: a time is never exactly equal: expected < or >")
        if kind and metric not in LATENCIES:
            raise ThresholdError(
                f"{text!r}: @{kind} has latency since due only: expected one such as p95@{kind}"
            )
        return Threshold(text, metric, sign, bound * _MS[unit], "ms", kind)
    if metric not in COUNTED:
        names = ", ".join((*LATENCIES, *COUNTED, "even"))
        raise ThresholdError(f"{text!r}: unknown metric {metric!r}: expected one of {names}")
    if unit not in _UNITS[metric]:
        units = " or ".join(each or "no unit" for each in _UNITS[metric])
        raise ThresholdError(f"{text!r}: {metric} takes {units}, not {unit or 'no unit'!r}")
    if kind and metric not in ("errors", "success"):
        raise ThresholdError(f"{text!r}: @{kind} is allowed with a time, errors or success only")
    return Threshold(text, metric, sign, bound, "/s" if metric == "rate" else unit, kind)


def check(threshold: Threshold, run: dict[str, Any]) -> dict[str, Any]:
    """Returns one line of the verdict: name, expected, seen, and whether it passed."""
    if threshold.metric == "even":
        verdict = run["spread"]["verdict"]
        return _line("replicas even", "even", verdict, passed=verdict == "even")
    value, seen = _seen(threshold, run)
    name = threshold.metric + (f" @{threshold.kind}" if threshold.kind else "")
    unit = f" {threshold.unit}" if threshold.unit not in ("", "/s") else threshold.unit
    wanted = f"{_SIGNS[threshold.sign]} {threshold.bound:g}{unit}"
    passed = value is not None and _COMPARE[threshold.sign](value, threshold.bound)
    return _line(name, wanted, seen, passed=passed)


def _line(name: str, wanted: str, seen: str, *, passed: bool) -> dict[str, Any]:
    return {"name": name, "wanted": wanted, "seen": seen, "passed": passed}


def _latency_of(metric: str) -> tuple[str, str] | None:
    """Returns (start of the latency, figure) of a latency metric; None for another metric."""
    for prefix, since in SINCE.items():
        name = metric.removeprefix(prefix)
        if metric.startswith(prefix) and name in LATENCIES:
            return since, name
    return None


def _seen(threshold: Threshold, run: dict[str, Any]) -> tuple[float | None, str]:
    """Returns the value to compare (None if the run cannot tell) and its text."""
    rows = _rows_of(threshold.kind, run)
    if threshold.kind and not rows:
        return None, "no such call"
    latency = _latency_of(threshold.metric)
    if latency is not None:
        since, name = latency
        known = [row["latency_ms"] for row in rows] or [run["latency_ms"][since]]
        worst = min if threshold.sign.startswith(">") else max
        unknown = [each for each in known if not each["n"] or each[name] is None]
        return _time(unknown[0] if unknown else worst(known, key=lambda each: each[name]), name)
    totals = run["totals"]
    failed = sum(row["failed"] for row in rows) if rows else totals["failed"]
    ended = sum(row["calls"] for row in rows) if rows else totals["right"] + totals["failed"]
    due = totals["made"] + totals["dropped"]
    match threshold.metric:
        case "errors":
            return _share(failed, ended, threshold.unit)
        case "dropped":
            return _share(totals["dropped"], due, threshold.unit)
        case "success":
            return _share(ended - failed, ended, "%", cut=True)
        case "sent":
            return _share(totals["made"], due, "%", cut=True)
        case "rate":
            rate = totals["right_per_second"]
            return rate, f"{rate:g}/s"
    count = sum(not row["name"].startswith("(") for row in run["replicas"])
    return count, str(count)


def _rows_of(kind: str, run: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the rows of the calls that a threshold names by label or by its last word."""
    if not kind:
        return []
    return [row for row in run["kinds"] if kind in (row["label"], row["label"].rpartition(" ")[2])]


def _time(latency: dict[str, Any], name: str) -> tuple[float | None, str]:
    value = latency[name]
    if not latency["n"]:
        return None, "no right answer"
    if value is None:
        needed = MIN_TAIL * 10_000 // (10_000 - QUANTILES[name])
        return None, f"{DASH} ({latency['n']} of {needed} calls)"
    return value, f"{value:.4g} ms" if value < 1000 else f"{value:.0f} ms"


def _share(part: int, whole: int, unit: str, *, cut: bool = False) -> tuple[float | None, str]:
    """Returns a share in percent, or the count. Success is rounded down, errors are rounded up."""
    if not unit:
        return part, str(part)
    if not whole:
        return None, "no call"
    percent = 100 * part / whole
    hundredths = part * 10_000 // whole if cut else -(-part * 10_000 // whole)
    return percent, f"{hundredths / 100:.2f} %"
