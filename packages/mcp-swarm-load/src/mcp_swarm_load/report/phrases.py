"""What every form of the report says in the same words: terminal, Markdown and HTML."""

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
    "sessions_refused": "refused",
    "sessions_closed": "closed",
    "sessions_unclosed": "not closed",
    "sessions_lost": "lost",
    "sessions_reopened": "reopened",
    "sessions_wrong": "answered for another",
}
_WORK = {
    "streams": "streams",
    "progress": "progress notices",
    "rounds": "input rounds",
    "tasks_started": "tasks started",
    "tasks_completed": "tasks completed",
    "task_polls": "polls",
}


def load_summary(load: dict[str, Any]) -> str:
    """The load in one line."""
    if load["loop"] == "closed":
        words = [f"closed loop, {load['workers']} at a time"]
    else:
        words = [f"open loop, {load['rate']:g}/s {load['arrivals']}"]
    if load["calls"] is not None:
        words.append(f"{thousands(load['calls'])} calls")
    if load["seconds"] is not None:
        words.append(f"{load['seconds']:g} s")
    if load["ramp_s"]:
        words.append(f"over a ramp of {load['ramp_s']:g} s")
    if load["burst"]:
        words.append("bursts of {} to {}".format(*load["burst"]))
    if load["think_s"]:
        words.append(f"thinking for {load['think_s']:g} s")
    if load["calls_per_session"]:
        words.append(f"{load['calls_per_session']} calls a session")
    if load["tenants"]:
        words.append(f"{load['tenants']} tenants")
    if load["processes"] > 1:
        words.append(f"{load['processes']} processes")
    if not load["keep_alive"]:
        words.append("reconnecting")
    return ", ".join(words)


def verdict_detail(run: dict[str, Any]) -> str:
    """The verdict after its word."""
    verdict = run["verdict"]
    if verdict["result"] == "invalid":
        return "not a result of the server: the tester was the bottleneck"
    checks = verdict["checks"]
    return f"{sum(check['passed'] for check in checks)} of {len(checks)}"


def duration_facts(run: dict[str, Any]) -> list[str]:
    """How long it took, and what is in no other figure."""
    totals = run["totals"]
    facts = [f"{run['seconds']:.2f} s, {totals['drain_s']:.2f} s of it drain"]
    facts.append(f"{totals['success_percent']:.2f} % right")
    if totals["unfinished"]:
        facts.append(f"{thousands(totals['unfinished'])} unfinished when interrupted")
    if totals["warmup"]:
        facts.append(f"{thousands(totals['warmup'])} warm-up calls not counted")
    if totals["extra"]:
        facts.append(f"{thousands(totals['extra'])} further requests for them")
    return facts


def latency_note(run: dict[str, Any]) -> str:
    """What the figures leave out, if anything."""
    if run["load"]["loop"] == "closed":
        return "closed loop: a lower bound, as slow answers put off the next calls"
    return ""


def no_spread(run: dict[str, Any]) -> str:
    """Why there is no spread to judge; empty where there is one."""
    if run["replicas"] and run["spread"]["verdict"] != "one replica":
        return ""
    if not run["replicas"]:
        return "no answer named a replica"
    if run["replicas"][0]["name"].startswith("("):
        return "answers carry no X-Served-By, so replicas cannot be told apart"
    return "one replica answered all"


def spread_head(spread: dict[str, Any]) -> str:
    """What was judged."""
    return f"{thousands(spread['n'])} {spread['unit']}s over {spread['replicas']} replicas"


def spread_figures(spread: dict[str, Any]) -> str:
    """The test and its effect size."""
    p = f"= {spread['p_value']:.2g}" if spread["p_value"] >= 0.0001 else "< 0.0001"
    return (
        f"χ²({spread['degrees']}) = {spread['chi_square']:.2f}, p {p}"
        f" · busiest/mean {spread['busiest_over_mean']:.3f}"
        f" · CV {spread['variation_percent']:.1f} %"
        f" (chance {spread['chance_variation_percent']:.1f} %)"
    )


def spread_notes(spread: dict[str, Any]) -> list[str]:
    """What the test could have seen, who was silent, and which unit was judged why."""
    tenth = spread["power_10_percent_short"]
    sees = "yes" if tenth >= 0.8 else "no"
    notes = [f"could have seen a 10 % shortfall: {sees} (power {100 * tenth:.0f} %)"]
    if spread["p_value"] < ALPHA and spread["least"] not in (None, *spread["silent"]):
        short, error = spread["shortfall_percent"], spread["shortfall_error_percent"]
        much = "" if spread["verdict"] == "uneven" else ", beyond chance but of little cost"
        notes.append(f"{spread['least']} got {short:.1f} % ± {error:.1f} % less than others{much}")
    if spread["silent"]:
        notes.append(f"silent: {', '.join(spread['silent'])}")
    if spread["came_or_went"]:
        count = len(spread["came_or_went"])
        notes.append(f"{count} came or went during the run: shares are weighted by their time")
    if spread["unit"] != "request":
        notes.append(f"the unit balanced is the {spread['unit']}: request shares say nothing of it")
    if spread["verdict"] == "too few to tell" and spread["needed"]:
        needed = thousands(spread["needed"])
        notes.append(f"{needed} {spread['unit']}s would tell a replica at half the others' load")
    return notes


def session_facts(flow: dict[str, Any]) -> list[str]:
    """Sessions by what became of them; none where none was opened."""
    if not (flow["sessions_opened"] or flow["sessions_refused"]):
        return []
    always = ("sessions_opened", "sessions_closed", "sessions_lost")
    return [
        f"{thousands(flow[key])} {word}"
        for key, word in _SESSIONS.items()
        if flow[key] or key in always
    ]


def work_facts(flow: dict[str, Any]) -> list[str]:
    """Streams, input rounds and tasks that there were."""
    return [f"{thousands(flow[key])} {word}" for key, word in _WORK.items() if flow[key]]


def client_facts(client: dict[str, Any]) -> list[str]:
    """How the tester itself was."""
    facts = [
        f"{thousands(client['connections'])} connections",
        f"reused for {client['reused_percent']:.1f} %",
        f"CPU {client['cpu_percent']:.0f} %",
    ]
    for key, word in (("lag_ms", "loop lag"), ("lateness_ms", "calls late by")):
        if client[key]["n"]:
            facts.append(f"{word} p99 {milliseconds(client[key]['p99'])} ms")
    return facts


def why_invalid(run: dict[str, Any]) -> list[str]:
    """What the verdict rests on where it is invalid."""
    verdict = run["verdict"]
    return list(verdict["client_was_bottleneck"]) if verdict["result"] == "invalid" else []


def client_warnings(run: dict[str, Any]) -> list[str]:
    """What to bear in mind of a run that is judged although its tester was short of breath."""
    if run["verdict"]["result"] == "invalid":
        return []
    if because := run["verdict"]["client_was_bottleneck"]:
        return ["accepted, but the tester was the bottleneck:", *because]
    caution = validity.caution(run["client"], run["latency_ms"])
    return [caution] if caution else []


def octaves(run: dict[str, Any]) -> list[tuple[float, float, int]]:
    """(from ms, to ms, count) of the histogram's rows, four to a power of two, put together."""
    rows = run["histogram"]
    fours = [rows[at : at + 4] for at in range(0, len(rows), 4)]
    return [
        (four[0]["from_ms"], four[-1]["to_ms"], sum(row["count"] for row in four)) for four in fours
    ]


def error_times(group: dict[str, Any]) -> str:
    """First and last time of an error, and where it came from."""
    where = ", ".join(f"{name} {count}" for name, count in list(group["replicas"].items())[:4])
    return f"first {group['first_s']:.2f} s, last {group['last_s']:.2f} s" + (
        f" · {where}" if where else ""
    )


def figure(value: float | None, form: str = "{:.1f}") -> str:
    """A number, or a dash for what is not known."""
    return DASH if value is None else form.format(value)
