"""The sentences that all forms of the report share: terminal, Markdown and HTML."""

from __future__ import annotations

from typing import Any

from mcp_swarm_load.measure import validity
from mcp_swarm_load.measure.spread import ALPHA
from mcp_swarm_load.report.paint import DASH, milliseconds, thousands

VERDICTS = {
    "pass": ("PASS", "good"),
    "fail": ("FAIL", "bad"),
    "invalid": ("INVALID", "warn"),
}
STATS = ("min", "avg", "p50", "p90", "p95", "p99", "p99.9", "max")
LATENCIES = {"since due": "since_due", "since sent": "since_sent", "first byte": "to_first_byte"}

_SESSIONS = {
    "sessions_opened": "opened",
    "sessions_without_id": "without an id",
    "sessions_refused": "failed to open",
    "sessions_closed": "closed",
    "sessions_unclosed": "not closed",
    "sessions_lost": "lost",
    "sessions_reopened": "replaced",
    "sessions_wrong": "answered for another session",
}
_WORK = {
    "streams": "streams",
    "progress": "progress notifications",
    "rounds": "input rounds",
    "tasks_started": "tasks started",
    "tasks_completed": "tasks completed",
    "task_polls": "polls",
}


def load_summary(load: dict[str, Any]) -> str:
    """Returns the load in one line."""
    if load["loop"] == "closed":
        words = [f"closed loop, {load['workers']} callers"]
    else:
        words = [f"open loop, {load['rate']:g}/s {load['arrivals']}"]
    if load["calls"] is not None:
        words.append(f"{thousands(load['calls'])} calls")
    if load["seconds"] is not None:
        words.append(f"{load['seconds']:g} s")
    if load["ramp_s"]:
        words.append(f"ramp of {load['ramp_s']:g} s")
    if load["burst"]:
        words.append("bursts of {} to {}".format(*load["burst"]))
    if load["think_s"]:
        words.append(f"think time {load['think_s']:g} s")
    if load["calls_per_session"]:
        words.append(f"{load['calls_per_session']} calls per session")
    if load["tenants"]:
        words.append(f"{load['tenants']} tenants")
    if load["processes"] > 1:
        words.append(f"{load['processes']} processes")
    if not load["keep_alive"]:
        words.append("no keep-alive")
    return ", ".join(words)


def verdict_detail(run: dict[str, Any]) -> str:
    """Returns the text after the verdict's word."""
    verdict = run["verdict"]
    if verdict["result"] == "invalid":
        return "not a result of the server: the tester was the bottleneck"
    checks = verdict["checks"]
    return f"{sum(check['passed'] for check in checks)} of {len(checks)} checks passed"


def duration_facts(run: dict[str, Any]) -> list[str]:
    """Returns the duration, and counts that no other figure includes."""
    totals = run["totals"]
    facts = [f"{run['seconds']:.2f} s including {totals['drain_s']:.2f} s drain"]
    facts.append(f"{totals['success_percent']:.2f} % right")
    if totals["unfinished"]:
        facts.append(f"{thousands(totals['unfinished'])} unfinished when interrupted")
    if totals["warmup"]:
        facts.append(f"{thousands(totals['warmup'])} warm-up calls not counted")
    if totals["extra"]:
        facts.append(f"{thousands(totals['extra'])} further requests")
    return facts


def latency_note(run: dict[str, Any]) -> str:
    """Returns a note on what the latency leaves out; empty if nothing."""
    if run["load"]["loop"] == "closed":
        return "closed loop: a lower bound, because slow answers delay the next calls"
    return ""


def no_spread(run: dict[str, Any]) -> str:
    """Returns why there is no spread to judge; empty if there is one."""
    if run["replicas"] and run["spread"]["verdict"] != "one replica":
        return ""
    if not run["replicas"]:
        return "no answer named a replica"
    if run["replicas"][0]["name"].startswith("("):
        return "answers have no X-Served-By, so replicas cannot be distinguished"
    return "one replica answered all calls"


def spread_head(spread: dict[str, Any]) -> str:
    """Returns what was judged."""
    return f"{thousands(spread['n'])} {spread['unit']}s over {spread['replicas']} replicas"


def spread_figures(spread: dict[str, Any]) -> str:
    """Returns the result of the test and its effect size."""
    p = f"= {spread['p_value']:.2g}" if spread["p_value"] >= 0.0001 else "< 0.0001"
    return (
        f"χ²({spread['degrees']}) = {spread['chi_square']:.2f}, p {p}"
        f" · busiest/mean {spread['busiest_over_mean']:.3f}"
        f" · CV {spread['variation_percent']:.1f} %"
        f" (chance {spread['chance_variation_percent']:.1f} %)"
    )


def spread_notes(spread: dict[str, Any]) -> list[str]:
    """Returns notes on the power of the test, silent replicas and the unit."""
    tenth = spread["power_10_percent_short"]
    detects = "yes" if tenth >= 0.8 else "no"
    notes = [f"would detect a 10 % shortfall: {detects} (power {100 * tenth:.0f} %)"]
    if spread["p_value"] < ALPHA and spread["least"] not in (None, *spread["silent"]):
        short, error = spread["shortfall_percent"], spread["shortfall_error_percent"]
        much = "" if spread["verdict"] == "uneven" else ", more than chance but of little cost"
        notes.append(f"{spread['least']} got {short:.1f} % ± {error:.1f} % less than others{much}")
    if spread["silent"]:
        notes.append(f"silent: {', '.join(spread['silent'])}")
    if spread["came_or_went"]:
        count = len(spread["came_or_went"])
        notes.append(f"{count} started or stopped during the run: shares are weighted by time")
    if spread["unit"] != "request":
        notes.append(f"the balancer balances {spread['unit']}s: request shares are not judged")
    if spread["verdict"] == "too few to tell" and spread["needed"]:
        needed = thousands(spread["needed"])
        notes.append(f"{needed} {spread['unit']}s would show a replica at half of the others' load")
    return notes


def session_facts(flow: dict[str, Any]) -> list[str]:
    """Returns the counts of sessions; empty if the run used none."""
    if not (flow["sessions_opened"] or flow["sessions_refused"]):
        return []
    always = ("sessions_opened", "sessions_closed", "sessions_lost")
    return [
        f"{thousands(flow[key])} {word}"
        for key, word in _SESSIONS.items()
        if flow[key] or key in always
    ]


def work_facts(flow: dict[str, Any]) -> list[str]:
    """Returns the counts of streams, input rounds and tasks that are not 0."""
    return [f"{thousands(flow[key])} {word}" for key, word in _WORK.items() if flow[key]]


def client_facts(client: dict[str, Any]) -> list[str]:
    """Returns the figures of the tester itself."""
    facts = [
        f"{thousands(client['connections'])} connections",
        f"reused for {client['reused_percent']:.1f} % of calls",
        f"CPU {client['cpu_percent']:.0f} %",
    ]
    for key, word in (("lag_ms", "loop lag"), ("lateness_ms", "calls late by")):
        if client[key]["n"]:
            facts.append(f"{word} p99 {milliseconds(client[key]['p99'])} ms")
    return facts


def why_invalid(run: dict[str, Any]) -> list[str]:
    """Returns the reasons of an invalid verdict; empty for another verdict."""
    verdict = run["verdict"]
    return list(verdict["client_was_bottleneck"]) if verdict["result"] == "invalid" else []


def client_warnings(run: dict[str, Any]) -> list[str]:
    """Returns cautions about a valid run whose tester was close to its limit."""
    if run["verdict"]["result"] == "invalid":
        return []
    if because := run["verdict"]["client_was_bottleneck"]:
        return ["accepted, but the tester was the bottleneck:", *because]
    caution = validity.caution(run["client"], run["latency_ms"])
    return [caution] if caution else []


def octaves(run: dict[str, Any]) -> list[tuple[float, float, int]]:
    """Returns (from ms, to ms, count) per power of two, from the histogram's four steps each."""
    rows = run["histogram"]
    fours = [rows[at : at + 4] for at in range(0, len(rows), 4)]
    return [
        (four[0]["from_ms"], four[-1]["to_ms"], sum(row["count"] for row in four)) for four in fours
    ]


def error_times(group: dict[str, Any]) -> str:
    """Returns the first and last time of an error, and its replicas."""
    where = ", ".join(f"{name} {count}" for name, count in list(group["replicas"].items())[:4])
    return f"first {group['first_s']:.2f} s, last {group['last_s']:.2f} s" + (
        f" · {where}" if where else ""
    )


def figure(value: float | None, form: str = "{:.1f}") -> str:
    """Returns a number, or a dash for an unknown one."""
    return DASH if value is None else form.format(value)
