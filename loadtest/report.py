"""The report for people: 80 columns of text, made from the document alone."""

from __future__ import annotations

import textwrap
from typing import Any

from loadtest.document import BUSY_CPU_PERCENT, LATE_MS
from loadtest.paint import DASH, TIMES, Paint, bar, milliseconds, shortened, sparkline, thousands

WIDTH = 80
_STATS = ("min", "avg", "p50", "p90", "p95", "p99", "p99.9", "max")
_ERRORS_SHOWN = 12


def render(run: dict[str, Any], *, colour: bool = False) -> str:
    """The whole report; every line fits 80 columns."""
    paint = Paint(colour)
    parts = [
        _head(run, paint),
        _verdict(run, paint),
        _summary(run, paint),
        _latency(run, paint),
        _histogram(run, paint),
        _replicas(run, paint),
        _spread(run, paint),
        _errors(run, paint),
        _timeline(run, paint),
        _client(run, paint),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _head(run: dict[str, Any], paint: Paint) -> list[str]:
    target, load = run["target"], run["load"]
    if load["loop"] == "closed":
        how = f"closed loop, {load['workers']} at a time"
    else:
        how = f"open loop, {load['rate']:g}/s {load['arrivals']}"
    bounds = []
    if load["calls"] is not None:
        bounds.append(f"{thousands(load['calls'])} calls")
    if load["seconds"] is not None:
        bounds.append(f"{load['seconds']:g} s")
    how = ", ".join([how, *bounds]) + ("" if load["keep_alive"] else ", reconnecting")
    lines = [
        shortened(f"MCP SWARM LOAD TEST · {target['url']}", WIDTH),
        shortened(f"{target['call']} · protocol {target['protocol']}", WIDTH),
        how,
    ]
    lines[0] = paint("head", lines[0])
    if run["interrupted"]:
        lines.append(paint("warn", "interrupted: this is the run so far"))
    return lines


def _verdict(run: dict[str, Any], paint: Paint) -> list[str]:
    checks = run["verdict"]["checks"]
    held = sum(check["passed"] for check in checks)
    passed = run["verdict"]["passed"]
    word = paint("good", "PASS") if passed else paint("bad", "FAIL")
    lines = [f"  {word}  {held} of {len(checks)}"]
    for check in checks:
        mark = paint("good", "✓") if check["passed"] else paint("bad", "✗")
        lines.append(f"  {mark} {check['name']:<24}{check['wanted']:>9}  {check['seen']:>16}")
    return lines


def _summary(run: dict[str, Any], paint: Paint) -> list[str]:
    totals = run["totals"]
    rows = [
        ("Total requests", thousands(totals["made"])),
        ("Successful", thousands(totals["right"])),
        ("Failed", thousands(totals["failed"])),
        ("Success rate", f"{totals['success_percent']:.2f} %"),
        ("Duration", f"{run['seconds']:.2f} s"),
        ("Throughput", f"{totals['right_per_second']:.1f} right answers/s"),
    ]
    if totals["dropped"]:
        rows.insert(3, ("Dropped", f"{thousands(totals['dropped'])} (too many still waiting)"))
    if totals["unfinished"]:
        rows.insert(3, ("Unfinished", f"{thousands(totals['unfinished'])} (when interrupted)"))
    return [paint("head", "SUMMARY")] + [f"  {name:<16}{value}" for name, value in rows]


def _latency(run: dict[str, Any], paint: Paint) -> list[str]:
    kinds = {"since due": "since_due", "since sent": "since_sent", "first byte": "to_first_byte"}
    lines = [paint("head", f"{'LATENCY ms':<14}") + "".join(f"{name:>8}" for name in _STATS)]
    for title, key in kinds.items():
        latency = run["latency_ms"][key]
        if latency["n"]:
            cells = "".join(f"{milliseconds(latency[name]):>8}" for name in _STATS)
            lines.append(f"  {title:<12}{cells}")
    if len(lines) == 1:
        return []
    if run["load"]["loop"] == "closed":
        lines.append(
            paint("dim", "  closed loop: a lower bound, as slow answers put off the next calls")
        )
    return lines


def _histogram(run: dict[str, Any], paint: Paint) -> list[str]:
    rows = run["histogram"]
    if not rows:
        return []
    most = max(row["count"] for row in rows)
    total = sum(row["count"] for row in rows)
    lines = [paint("head", "HISTOGRAM") + " ms since due, log scale, cumulative %"]
    seen = 0
    for row in rows:
        seen += row["count"]
        span = f"{milliseconds(row['from_ms'])} {DASH} {milliseconds(row['to_ms'])}"
        share = seen * 1000 // total / 10
        blocks = bar(row["count"], most, 36)
        lines.append(
            f"  {span:>17} {thousands(row['count']):>10} {share:>6.1f} %  {blocks}".rstrip()
        )
    return lines


def _replicas(run: dict[str, Any], paint: Paint) -> list[str]:
    rows = run["replicas"]
    if not rows:
        return []
    most = max(row["calls"] for row in rows)
    width = min(22, max(12, *(len(row["name"]) for row in rows)))
    silent = run["spread"]["silent"]
    title = f"REPLICAS  {len(rows)} seen"
    heads = f"{'calls':>9}{'share':>9}{'avg ms':>9}{'failed':>8}"
    lines = [paint("head", f"{title:<{width + 2}}") + heads]
    for row in rows:
        name = f"{shortened(row['name'], width):<{width}}"
        mean = milliseconds(row["latency_ms"]["avg"] if row["latency_ms"]["n"] else None)
        failed = f"{thousands(row['failed']):>8}"
        cells = f"{thousands(row['calls']):>9}{row['share_percent']:>7.1f} %{mean:>9}"
        failed = paint("bad", failed) if row["failed"] else failed
        blocks = bar(row["calls"], most, WIDTH - width - 39)
        lines.append(f"  {name}{cells}{failed}  {blocks}")
    for name in silent:
        title = f"{shortened(name, width):<{width}}"
        lines.append(f"  {title}{0:>9}{0:>7.1f} %{DASH:>9}{0:>8}  {paint('bad', 'silent')}")
    return lines


def _spread(run: dict[str, Any], paint: Paint) -> list[str]:
    spread = run["spread"]
    verdict = spread["verdict"]
    title = paint("head", "SPREAD") + "  "
    if not run["replicas"] or verdict == "one replica":
        only = "no answer named a replica" if not run["replicas"] else "one replica answered all"
        if run["replicas"] and run["replicas"][0]["name"].startswith("("):
            only = "answers carry no X-Served-By, so replicas cannot be told apart"
        return [title + only]
    style = {"even": "good", "uneven": "bad"}.get(verdict, "warn")
    n = f"{thousands(spread['n'])} {spread['unit']}s over {spread['replicas']} replicas"
    lines = [title + paint(style, verdict) + f" · {n}"]
    p = f"{spread['p_value']:.2g}" if spread["p_value"] >= 0.0001 else "< 0.0001"
    lines.append(
        f"  χ²({spread['degrees']}) = {spread['chi_square']:.2f}, p = {p}".replace("= <", "<")
        + f" · busiest/mean {spread['busiest_over_mean']:.3f}"
        + f" · CV {spread['variation_percent']:.1f} %"
        + f" (chance {spread['chance_variation_percent']:.1f} %)"
    )
    tenth = spread["power_10_percent_short"]
    sees = "yes" if tenth >= 0.8 else "no"
    lines.append(f"  could have seen a 10 % shortfall: {sees} (power {100 * tenth:.0f} %)")
    lines += [f"  {note}" for note in _spread_notes(spread)]
    return lines


def _spread_notes(spread: dict[str, Any]) -> list[str]:
    notes = []
    if spread["silent"]:
        notes.append(f"silent: {', '.join(spread['silent'])}")
    if spread["came_or_went"]:
        count = len(spread["came_or_went"])
        notes.append(f"{count} came or went during the run: shares are weighted by their time")
    if spread["unit"] == "connection":
        notes.append("each connection kept to one replica, so connections are what is balanced")
    if spread["verdict"] == "too few to tell" and spread["needed"]:
        needed = thousands(spread["needed"])
        notes.append(f"{needed} {spread['unit']}s would tell a replica at half the others' load")
    return [shortened(note, WIDTH - 2) for note in notes]


def _errors(run: dict[str, Any], paint: Paint) -> list[str]:
    groups = run["errors"]
    if not groups:
        return []
    lines = [paint("head", "ERRORS")]
    for group in groups[:_ERRORS_SHOWN]:
        lines += textwrap.wrap(
            f"{thousands(group['count'])} {TIMES} {group['text']}",
            WIDTH - 2,
            initial_indent="  ",
            subsequent_indent="      ",
        )
        where = ", ".join(f"{name} {count}" for name, count in list(group["replicas"].items())[:4])
        when = f"      first {group['first_s']:.2f} s, last {group['last_s']:.2f} s"
        lines.append(shortened(when + (f" · {where}" if where else ""), WIDTH))
    if len(groups) > _ERRORS_SHOWN:
        lines.append(f"  and {len(groups) - _ERRORS_SHOWN} other kinds (--json has them)")
    return lines


def _timeline(run: dict[str, Any], paint: Paint) -> list[str]:
    rows = run["timeline"][: int(run["seconds"])]  # a second that was cut short would look slow
    if len(rows) < 3:
        return []
    lines = [paint("head", "TIMELINE") + f"  {len(rows)} s"]
    for title, key in (("right/s", "right"), ("max ms", "max_ms"), ("failed/s", "failed")):
        values = [float(row[key] or 0) for row in rows]
        if key != "failed" or any(values):
            top = milliseconds(max(values)) if key == "max_ms" else thousands(round(max(values)))
            lines.append(f"  {title:<9}{sparkline(values, 56)}  max {top}")
    return lines


def _client(run: dict[str, Any], paint: Paint) -> list[str]:
    client = run["client"]
    facts = [
        f"{thousands(client['connections'])} connections",
        f"reused for {client['reused_percent']:.1f} % of calls",
        f"CPU {client['cpu_percent']:.0f} %",
    ]
    if late := client["lateness_ms"]:
        facts.append(f"late by {milliseconds(late['avg'])} ms")
    lines = [paint("head", "CLIENT"), "  " + " · ".join(facts)]
    if late and late["avg"] > max(LATE_MS, 0.1 * run["latency_ms"]["since_sent"]["avg"]):
        lines.append(
            paint("warn", "  this tester ran late: what it found since due is partly its own delay")
        )
    if client["cpu_percent"] > BUSY_CPU_PERCENT and run["load"]["loop"] == "closed":
        lines.append(paint("warn", "  this tester was the bottleneck: the target can do more"))
    lines += textwrap.wrap(
        run["repeat"],
        WIDTH - 2,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines
