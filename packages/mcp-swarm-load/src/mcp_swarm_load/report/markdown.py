"""Renders a run's document as Markdown, for a pull request or a wiki."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mcp_swarm_load.report import phrases
from mcp_swarm_load.report.paint import milliseconds, thousands


def render(run: dict[str, Any]) -> str:
    """Returns the whole report."""
    parts = [*_top(run), *_figures(run), *_replicas(run), *_rest(run)]
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def _top(run: dict[str, Any]) -> Iterator[list[str]]:
    verdict, target = run["verdict"], run["target"]
    yield [f"# Load test of {_plain(target['url'])}"]
    word = phrases.VERDICTS[verdict["result"]][0]
    summary = f"{_plain(target['call'])} · protocol {target['protocol']} · {phrases.load_summary(run['load'])}"
    yield [f"**{word}** {phrases.verdict_detail(run)}", "", f"{run['started']} · {summary}"]
    if run["interrupted"]:
        yield ["Interrupted: this is the run so far."]
    if because := phrases.why_invalid(run):
        yield [f"- {reason}" for reason in because]
    marks = {True: "✓", False: "✗"}
    yield _table(
        ("", "check", "expected", "seen"),
        ((marks[c["passed"]], c["name"], c["wanted"], c["seen"]) for c in verdict["checks"]),
    )


def _figures(run: dict[str, Any]) -> Iterator[list[str]]:
    totals, rate = run["totals"], run["load"]["rate"]
    yield ["## Load"]
    yield _table(
        ("", "planned", "sent", "dropped", "right", "failed"),
        (
            (
                "calls",
                *(_count(totals[k]) for k in ("planned", "made", "dropped", "right", "failed")),
            ),
            (
                "per second",
                phrases.figure(rate),
                f"{totals['made_per_second']:.1f}",
                "",
                f"{totals['right_per_second']:.1f}",
                "",
            ),
        ),
    )
    yield [" · ".join(phrases.duration_facts(run))]
    if run["latency_ms"]["since_due"]["n"]:
        yield ["## Latency, ms"]
        rows = {title: run["latency_ms"][key] for title, key in phrases.LATENCIES.items()}
        yield _table(
            ("", *phrases.STATS),
            (
                (title, *(milliseconds(row[name]) for name in phrases.STATS))
                for title, row in rows.items()
            ),
        )
        if note := phrases.latency_note(run):
            yield [note]


def _replicas(run: dict[str, Any]) -> Iterator[list[str]]:
    yield ["## Replicas"]
    spread = run["spread"]
    silent = [(name, "0", "0.0 %", "", "", "0", "silent") for name in spread["silent"]]
    rows = [
        (
            row["name"],
            thousands(row["calls"]),
            f"{row['share_percent']:.1f} %",
            milliseconds(row["latency_ms"]["p50"]),
            milliseconds(row["latency_ms"]["p99"]),
            thousands(row["failed"]),
            f"{row['first_s']:.1f} to {row['last_s']:.1f} s",
        )
        for row in run["replicas"]
    ]
    if rows or silent:
        heads = ("replica", "calls", "share", "p50 ms", "p99 ms", "failed", "seen")
        yield _table(heads, [*rows, *silent])
    if none := phrases.no_spread(run):
        yield [none]
        return
    yield [f"**{spread['verdict']}** · {phrases.spread_head(spread)}"]
    notes = [phrases.spread_figures(spread), *phrases.spread_notes(spread)]
    yield [f"- {_plain(note)}" for note in notes]


def _rest(run: dict[str, Any]) -> Iterator[list[str]]:
    for title, facts in (
        ("Sessions", phrases.session_facts(run["flow"])),
        ("Work", phrases.work_facts(run["flow"])),
    ):
        if facts:
            yield [f"## {title}", "", " · ".join(facts)]
    for title, rows in (("Tools", run["kinds"]), ("Tenants", run["tenants"])):
        if len(rows) > 1:
            yield [f"## {title}"]
            yield _table(
                ("", "calls", "failed", "p50 ms", "p95 ms", "p99 ms"),
                (
                    (
                        f"{row.get('era', '')} {row.get('label', row.get('name'))}",
                        thousands(row["calls"]),
                        thousands(row["failed"]),
                        *(milliseconds(row["latency_ms"][name]) for name in ("p50", "p95", "p99")),
                    )
                    for row in rows
                ),
            )
    if run["errors"]:
        yield ["## Errors"]
        yield _table(
            ("count", "error", "when and where"),
            ((thousands(g["count"]), g["text"], phrases.error_times(g)) for g in run["errors"]),
        )
    yield ["## Client", "", " · ".join(phrases.client_facts(run["client"]))]
    if warnings := phrases.client_warnings(run):
        yield [" ".join(warnings)]
    yield ["## Repeat", "", "```console", run["repeat"], "```"]


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines]


def _plain(text: str) -> str:
    """Escapes text for Markdown, so that a target's words do not become links or tags."""
    for mark in "\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}")
    return text


def _count(value: int | None) -> str:
    return phrases.figure(value, "{:d}") if value is None else thousands(value)
