"""Renders a run's document as text of 80 columns."""

from __future__ import annotations

import textwrap
from typing import Any

from mcp_swarm_load.report import phrases
from mcp_swarm_load.report.paint import (
    DASH,
    TIMES,
    Paint,
    bar,
    milliseconds,
    shortened,
    sparkline,
    thousands,
)
from mcp_swarm_load.report.phrases import STATS

WIDTH = 80
_ERRORS_SHOWN = 12
_KINDS_SHOWN = 20


def render(run: dict[str, Any], *, colour: bool = False) -> str:
    """Returns the whole report. Every line fits 80 columns."""
    paint = Paint(colour)
    parts = [
        _head(run, paint),
        _verdict(run, paint),
        _load(run, paint),
        _latency(run, paint),
        _histogram(run, paint),
        _replicas(run, paint),
        _spread(run, paint),
        _sessions(run, paint),
        _kinds(run, paint),
        _errors(run, paint),
        _timeline(run, paint),
        _client(run, paint),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _head(run: dict[str, Any], paint: Paint) -> list[str]:
    target = run["target"]
    lines = [
        paint("head", shortened(f"MCP SWARM LOAD TEST · {target['url']}", WIDTH)),
        shortened(f"{target['call']} · protocol {target['protocol']}", WIDTH),
        *textwrap.wrap(phrases.load_summary(run["load"]), WIDTH),
    ]
    if run["interrupted"]:
        lines.append(paint("warn", "interrupted: this is the run so far"))
    return lines


def _verdict(run: dict[str, Any], paint: Paint) -> list[str]:
    verdict = run["verdict"]
    word, style = phrases.VERDICTS[verdict["result"]]
    lines = [f"  {paint(style, word)}  {phrases.verdict_detail(run)}"]
    for reason in phrases.why_invalid(run):
        lines += textwrap.wrap(reason, WIDTH, initial_indent="  ! ", subsequent_indent="    ")
    for check in verdict["checks"]:
        mark = paint("good", "✓") if check["passed"] else paint("bad", "✗")
        name = shortened(check["name"], 30)
        lines.append(f"  {mark} {name:<32}{check['wanted']:>12}  {check['seen']:>24}")
    return lines


def _load(run: dict[str, Any], paint: Paint) -> list[str]:
    totals, rate = run["totals"], run["load"]["rate"]
    heads = ("planned", "sent", "dropped", "right", "failed")
    planned = thousands(totals["planned"]) if totals["planned"] is not None else DASH
    counts = [planned, *(thousands(totals[key]) for key in ("made", "dropped", "right", "failed"))]
    rates = [phrases.figure(rate), f"{totals['made_per_second']:.1f}", "",
             f"{totals['right_per_second']:.1f}", ""]  # fmt: skip
    lines = [paint("head", f"{'LOAD':<14}") + "".join(f"{head:>13}" for head in heads)]
    for name, cells in (("calls", counts), ("per second", rates)):
        lines.append((f"  {name:<12}" + "".join(f"{cell:>13}" for cell in cells)).rstrip())
    return lines + _wrapped(" · ".join(phrases.duration_facts(run)))


def _latency(run: dict[str, Any], paint: Paint) -> list[str]:
    lines = [paint("head", f"{'LATENCY ms':<14}") + "".join(f"{name:>8}" for name in STATS)]
    for title, key in phrases.LATENCIES.items():
        latency = run["latency_ms"][key]
        if latency["n"]:
            cells = "".join(f"{milliseconds(latency[name]):>8}" for name in STATS)
            lines.append(f"  {title:<12}{cells}")
    if len(lines) == 1:
        return []
    note = phrases.latency_note(run)
    return [*lines, paint("dim", f"  {note}")] if note else lines


def _histogram(run: dict[str, Any], paint: Paint) -> list[str]:
    rows = phrases.octaves(run)
    if not rows:
        return []
    most = max(count for _, _, count in rows)
    total = sum(count for _, _, count in rows)
    lines = [paint("head", "HISTOGRAM") + " ms since due, log scale, cumulative %"]
    seen = 0
    for low, high, count in rows:
        seen += count
        span = f"{milliseconds(low)} {DASH} {milliseconds(high)}"
        share = seen * 1000 // total / 10
        lines.append(
            f"  {span:>17} {thousands(count):>10} {share:>6.1f} %  {bar(count, most, 36)}".rstrip()
        )
    return lines


def _replicas(run: dict[str, Any], paint: Paint) -> list[str]:
    rows = run["replicas"]
    if not rows:
        return []
    most = max(row["calls"] for row in rows)
    width = min(20, max(12, *(len(row["name"]) for row in rows)))
    title = f"REPLICAS  {len(rows)} seen"
    heads = f"{'calls':>9}{'share':>9}{'p50 ms':>8}{'p99 ms':>8}{'failed':>8}"
    lines = [paint("head", f"{title:<{width + 2}}") + heads]
    for row in rows:
        latency = row["latency_ms"]
        times = "".join(f"{milliseconds(latency[name]):>8}" for name in ("p50", "p99"))
        failed = f"{thousands(row['failed']):>8}"
        failed = paint("bad", failed) if row["failed"] else failed
        name = f"{shortened(row['name'], width):<{width}}"
        cells = f"{thousands(row['calls']):>9}{row['share_percent']:>7.1f} %{times}"
        blocks = bar(row["calls"], most, WIDTH - width - 46)
        lines.append(f"  {name}{cells}{failed}  {blocks}")
    for name in run["spread"]["silent"]:
        title = f"{shortened(name, width):<{width}}"
        cells = f"{0:>9}{0:>7.1f} %{DASH:>8}{DASH:>8}{0:>8}"
        lines.append(f"  {title}{cells}  {paint('bad', 'silent')}")
    return lines


def _spread(run: dict[str, Any], paint: Paint) -> list[str]:
    spread = run["spread"]
    title = paint("head", "SPREAD") + "  "
    if none := phrases.no_spread(run):
        return [title + none]
    style = {"even": "good", "uneven": "bad"}.get(spread["verdict"], "warn")
    lines = [title + paint(style, spread["verdict"]) + f" · {phrases.spread_head(spread)}"]
    notes = [phrases.spread_figures(spread), *phrases.spread_notes(spread)]
    return lines + [line for note in notes for line in _wrapped(note, "    ")]


def _sessions(run: dict[str, Any], paint: Paint) -> list[str]:
    lines = []
    for title, facts in (
        ("SESSIONS", phrases.session_facts(run["flow"])),
        ("WORK", phrases.work_facts(run["flow"])),
    ):
        if facts:
            lines += [paint("head", title), *_wrapped(" · ".join(facts))]
    return lines


def _kinds(run: dict[str, Any], paint: Paint) -> list[str]:
    lines = []
    for title, rows in (("TOOLS", run["kinds"]), ("TENANTS", run["tenants"])):
        if len(rows) < 2:
            continue
        heads = "".join(f"{h:>9}" for h in ("calls", "failed", "p50 ms", "p95 ms", "p99 ms"))
        lines.append(paint("head", f"{title:<35}") + heads)
        both = len({row.get("era") for row in rows}) > 1
        for row in sorted(rows, key=lambda row: -row["calls"])[:_KINDS_SHOWN]:
            name = row.get("label", row.get("name", ""))
            name = f"{row['era']} {name}" if both else name
            failed = f"{thousands(row['failed']):>9}"
            failed = paint("bad", failed) if row["failed"] else failed
            times = (milliseconds(row["latency_ms"][key]) for key in ("p50", "p95", "p99"))
            cells = "".join(f"{cell:>9}" for cell in times)
            lines.append(f"  {shortened(name, 32):<33}{thousands(row['calls']):>9}{failed}{cells}")
        if len(rows) > _KINDS_SHOWN:
            lines.append(f"  and {len(rows) - _KINDS_SHOWN} more (--json has them)")
    return lines


def _errors(run: dict[str, Any], paint: Paint) -> list[str]:
    groups = run["errors"]
    if not groups:
        return []
    lines = [paint("head", "ERRORS")]
    for group in groups[:_ERRORS_SHOWN]:
        lines += _wrapped(f"{thousands(group['count'])} {TIMES} {group['text']}", "      ")
        lines.append(shortened(f"      {phrases.error_times(group)}", WIDTH))
    if len(groups) > _ERRORS_SHOWN:
        lines.append(f"  and {len(groups) - _ERRORS_SHOWN} other kinds (--json has them)")
    return lines


def _timeline(run: dict[str, Any], paint: Paint) -> list[str]:
    rows = run["timeline"][: int(run["seconds"])]  # an incomplete last second would look slow
    if len(rows) < 3:
        return []
    lines = [paint("head", "TIMELINE") + f"  {len(rows)} s"]
    carried = sum(row["p95_ms"] is not None for row in rows) >= len(rows) / 2
    slow = ("p95 ms", "p95_ms") if carried else ("max ms", "max_ms")
    for title, key in (("right/s", "right"), slow, ("failed/s", "failed")):
        values = [float(row[key] or 0) for row in rows]
        if key != "failed" or any(values):
            top = thousands(round(max(values))) if "ms" not in key else milliseconds(max(values))
            lines.append(f"  {title:<9}{sparkline(values, 56)}  max {top}")
    return lines


def _client(run: dict[str, Any], paint: Paint) -> list[str]:
    lines = [paint("head", "CLIENT"), *_wrapped(" · ".join(phrases.client_facts(run["client"])))]
    for warning in phrases.client_warnings(run):
        lines += [paint("warn", line) for line in _wrapped(warning, "    ")]
    lines += ["", paint("head", "REPEAT"), *_wrapped(run["repeat"], "    ")]
    if run["recorded"]:
        lines.append(f"  every call: {run['recorded']}")
    return lines


def _wrapped(text: str, then: str = "  ") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent="  ",
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    )
