"""Renders a run's document as one HTML file with charts and tables, no script and no network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from mcp_swarm_load.report import charts, phrases
from mcp_swarm_load.report.paint import milliseconds, thousands

_STYLE = Path(__file__).with_name("page.css")
_MIN_SECONDS = 3


def render(run: dict[str, Any]) -> str:
    """Returns the whole page."""
    sections = [*_top(run), *_load(run), *_latency(run), *_timeline(run), *_replicas(run)]
    sections += [*_sessions(run), *_kinds(run), *_errors(run), *_end(run)]
    title = f"{phrases.VERDICTS[run['verdict']['result']][0]} {run['target']['url']}"
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<main>",
            *sections,
            "</main>\n</body>\n</html>\n",
        ]
    )


def _top(run: dict[str, Any]) -> Iterator[str]:
    verdict, target = run["verdict"], run["target"]
    word, style = phrases.VERDICTS[verdict["result"]]
    yield f"<header><h1>{escape(target['url'])}</h1>"
    yield f"<p>{escape(target['call'])} · protocol {escape(target['protocol'])}<br>"
    yield f"{escape(phrases.load_summary(run['load']))}<br>{escape(run['started'])}</p></header>"
    if run["interrupted"]:
        yield '<p class="warn">Interrupted: this is the run so far.</p>'
    yield f'<section class="verdict {style}"><p><strong>{word}</strong> {phrases.verdict_detail(run)}</p>'
    yield from (f"<p>! {escape(reason)}</p>" for reason in phrases.why_invalid(run))
    rows = []
    for check in verdict["checks"]:
        mark = '<b class="good">✓</b>' if check["passed"] else '<b class="bad">✗</b>'
        rows.append((mark, *(escape(check[key]) for key in ("name", "wanted", "seen"))))
    yield _table(("", "check", "expected", "seen"), rows) + "</section>"


def _load(run: dict[str, Any]) -> Iterator[str]:
    totals, rate = run["totals"], run["load"]["rate"]
    tiles = [
        ("sent", thousands(totals["made"]), f"{totals['made_per_second']:.1f}/s"),
        ("right", thousands(totals["right"]), f"{totals['right_per_second']:.1f}/s"),
        ("failed", thousands(totals["failed"]), f"{totals['success_percent']:.2f} % right"),
        ("dropped", thousands(totals["dropped"]), ""),
    ]
    if totals["planned"] is not None:
        asked = f"{rate:g}/s" if rate else ""
        tiles.insert(0, ("planned", thousands(totals["planned"]), asked))
    yield "<section><h2>Load</h2><dl>"
    for name, value, more in tiles:
        yield f"<div><dt>{name}</dt><dd>{value}<small>{more}</small></dd></div>"
    yield f"</dl><p>{escape(' · '.join(phrases.duration_facts(run)))}</p></section>"


def _latency(run: dict[str, Any]) -> Iterator[str]:
    due = run["latency_ms"]["since_due"]
    if not due["n"]:
        return
    marks = {name: due[name] for name in ("p50", "p95", "p99", "p99.9", "max")}
    yield "<section><h2>Latency <small>ms since due, log scale</small></h2>"
    yield charts.histogram(run["histogram"], marks)
    rows = [
        (title, *(milliseconds(run["latency_ms"][key][name]) for name in phrases.STATS))
        for title, key in phrases.LATENCIES.items()
    ]
    yield _table(("ms", *phrases.STATS), rows)
    yield f"<p>{phrases.latency_note(run)}</p></section>"


def _timeline(run: dict[str, Any]) -> Iterator[str]:
    rows = run["timeline"][: int(run["seconds"])]  # an incomplete last second would look slow
    if len(rows) < _MIN_SECONDS:
        return
    times = [row["second"] for row in rows]
    yield "<section><h2>Timeline</h2>"
    yield charts.lines(times, {"right": [row["right"] for row in rows]}, "/s", "Right answers")
    carried = sum(row["p95_ms"] is not None for row in rows) >= len(rows) / 2
    names = (
        {"p95": "p95_ms", "max": "max_ms"} if carried else {"average": "avg_ms", "max": "max_ms"}
    )
    slow = {name: [row[key] for row in rows] for name, key in names.items()}
    yield charts.lines(times, slow, "ms", "Latency")
    if any(row["failed"] for row in rows):
        failed = {"failed": [row["failed"] for row in rows]}
        yield charts.lines(times, failed, "/s", "Failed calls").replace("line0", "line2")
    yield "</section>"


def _replicas(run: dict[str, Any]) -> Iterator[str]:
    spread = run["spread"]
    yield "<section><h2>Replicas</h2>"
    most = max((row["calls"] for row in run["replicas"]), default=1)
    rows = []
    for row in run["replicas"]:
        latency = row["latency_ms"]
        share = 100 * row["calls"] / most
        rows.append(
            (
                escape(row["name"]),
                f'<span class="share" style="width:{share:.1f}%"></span>',
                thousands(row["calls"]),
                f"{row['share_percent']:.1f} %",
                milliseconds(latency["p50"]),
                milliseconds(latency["p99"]),
                _failed(row["failed"]),
            )
        )
    silent = '<b class="bad">silent</b>'
    rows += [(escape(name), silent, "0", "0.0 %", "", "", "0") for name in spread["silent"]]
    if rows:
        yield _table(("replica", "", "calls", "share", "p50 ms", "p99 ms", "failed"), rows)
    if none := phrases.no_spread(run):
        yield f"<p>{none}</p></section>"
        return
    style = {"even": "good", "uneven": "bad"}.get(spread["verdict"], "warn")
    head = phrases.spread_head(spread)
    yield f'<p><b class="{style}">{spread["verdict"]}</b> · {head}</p><ul>'
    for note in (phrases.spread_figures(spread), *phrases.spread_notes(spread)):
        yield f"<li>{escape(note)}</li>"
    yield "</ul></section>"


def _sessions(run: dict[str, Any]) -> Iterator[str]:
    for title, facts in (
        ("Sessions", phrases.session_facts(run["flow"])),
        ("Work", phrases.work_facts(run["flow"])),
    ):
        if facts:
            yield f"<section><h2>{title}</h2><p>{' · '.join(facts)}</p></section>"


def _kinds(run: dict[str, Any]) -> Iterator[str]:
    for title, rows in (("Tools", run["kinds"]), ("Tenants", run["tenants"])):
        if len(rows) < 2:
            continue
        cells = [
            (
                escape(f"{row.get('era', '')} {row.get('label', row.get('name'))}".strip()),
                thousands(row["calls"]),
                _failed(row["failed"]),
                *(milliseconds(row["latency_ms"][name]) for name in ("p50", "p95", "p99")),
            )
            for row in sorted(rows, key=lambda row: -row["calls"])
        ]
        heads = ("", "calls", "failed", "p50 ms", "p95 ms", "p99 ms")
        yield f"<section><h2>{title}</h2>{_table(heads, cells)}</section>"


def _errors(run: dict[str, Any]) -> Iterator[str]:
    if run["errors"]:
        rows = [
            (thousands(each["count"]), escape(each["text"]), escape(phrases.error_times(each)))
            for each in run["errors"]
        ]
        table = _table(("count", "error", "when and where"), rows, "errors")
        yield f"<section><h2>Errors</h2>{table}</section>"


def _end(run: dict[str, Any]) -> Iterator[str]:
    facts = escape(" · ".join(phrases.client_facts(run["client"])))
    yield f"<section><h2>Client</h2><p>{facts}</p>"
    yield from (f'<p class="warn">{escape(each)}</p>' for each in phrases.client_warnings(run))
    yield f"</section>\n<section><h2>Repeat</h2><pre>{escape(run['repeat'])}</pre>"
    if run["recorded"]:
        yield f"<p>Every call: <code>{escape(run['recorded'])}</code></p>"
    yield "</section>"


def _failed(count: int) -> str:
    return f'<b class="bad">{thousands(count)}</b>' if count else "0"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]], style: str = "") -> str:
    """Returns a table of cells that are HTML already. A wide table scrolls by itself."""
    head = "".join(f"<th>{each}</th>" for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="wide"><table class="{style}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
