"""The last runs as Markdown: `python -m lab.conformance.report` prints docs/conformance.md.

The tests leave one JSON file a way in `results/`; without all of them there is nothing to tell
(exit 3).
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from lab.conformance.suite import HERE, Run

RESULTS = HERE / "results"
MARKS = {"passed": "✓", "failed": "✗", "not exercised": "n/a"}

# Way → (column, what it is), in the order of the page.
WAYS = {
    "2026-07-28-direct": ("streaming", "2026-07-28: one replica, streaming"),
    "2026-07-28-balanced": (
        "streaming, balanced",
        "2026-07-28: HAProxy over three replicas, each request on the next one, streaming",
    ),
    "2026-07-28-json": ("JSON", "2026-07-28: one replica, JSON only (the default)"),
    "2026-07-28-sessions-balanced": (
        "sessions, balanced",
        "2026-07-28: HAProxy over three replicas, sessions in Redis for older clients, a worker, streaming",
    ),
    "2026-07-28-tasks": (
        "workers, balanced",
        "2026-07-28: HAProxy over three replicas, each request on the next one, a worker, streaming",
    ),
    "2025-11-25-stateful": (
        "sessions",
        "2025-11-25: one replica, sessions in its memory, streaming",
    ),
    "2025-11-25-sessions-balanced": (
        "sessions, balanced",
        "2025-11-25: HAProxy over three replicas, sessions in Redis, each request on the next one, streaming",
    ),
    "2025-11-25-stateless-balanced": (
        "no sessions, balanced",
        "2025-11-25: HAProxy over three replicas, no sessions, each request on the next one, streaming",
    ),
}

INTRODUCTION = """\
# Conformance

What the official suite, `@modelcontextprotocol/conformance@{version}`, says of a server made of
this project's machinery (`lab/conformance/everything/`).
Written by `python -m lab.conformance.report` from the last
`pytest -m conformance lab/conformance`; not by hand.

✓ passed, ✗ failed, n/a nothing to exercise. A run with an unexpected failure is made once more, as
the suite gives some answers 0.6 s only; where the second run counts, *in the second run* stands
beside it. *Scored* is what a revision requires; the rest the
suite runs but does not count: extensions, and scenarios it calls pending.
"""


def save(way: str, run: Run, baseline: Path | None = None, results: Path = RESULTS) -> None:
    """Keep `run` as the last result of `way`, and the reasons in its baseline, if it has one."""
    results.mkdir(exist_ok=True)
    scenarios = {
        s.name: {
            "result": s.result,
            "not_scored": s.not_scored,
            "checks": s.checks,
            "complaints": s.complaints,
        }
        for s in run.scenarios.values()
    }
    kept = {
        "revision": run.revision,
        "runs": run.runs,
        "baseline": baseline.name if baseline else None,
        "scenarios": scenarios,
    }
    (results / f"{way}.json").write_text(json.dumps(kept, indent=1) + "\n")


def render(results: Path = RESULTS) -> str:
    """The page, as Markdown.

    Raises:
        FileNotFoundError: a way has no result yet.
    """
    runs = {way: json.loads((results / f"{way}.json").read_text()) for way in WAYS}
    package = json.loads((HERE / "package.json").read_text())
    version = package["dependencies"]["@modelcontextprotocol/conformance"]
    parts = [INTRODUCTION.format(version=version), _summary(runs)]
    for revision in sorted({run["revision"] for run in runs.values()}, reverse=True):
        parts.append(
            _revision(revision, {w: r for w, r in runs.items() if r["revision"] == revision})
        )
    return "\n".join(parts)


def _summary(runs: dict[str, Any]) -> str:
    rows = ["| way | scored: passed | others: passed |", "|---|---|---|"]
    for way, run in runs.items():
        scored = [s["result"] for s in run["scenarios"].values() if s["not_scored"] is None]
        others = [s["result"] for s in run["scenarios"].values() if s["not_scored"]]
        second = " (in the second run)" if run["runs"] > 1 else ""
        rows.append(f"| {WAYS[way][1]}{second} | {_passed(scored)} | {_passed(others)} |")
    return "\n".join(rows) + "\n"


def _passed(results: list[str]) -> str:
    return f"{Counter(results)['passed']} of {len(results)}"


def _revision(revision: str, runs: dict[str, Any]) -> str:
    """One table of the revision's scenarios, a column a way, and what was complained of."""
    head = [WAYS[way][0] for way in runs]
    rows = [f"## {revision}", "", f"| scenario | scored | {' | '.join(head)} |"]
    rows.append("|---" * (2 + len(head)) + "|")
    first = next(iter(runs.values()))["scenarios"]
    for name, scenario in first.items():
        marks = [MARKS[run["scenarios"][name]["result"]] for run in runs.values()]
        scored = scenario["not_scored"] or "yes"
        rows.append(f"| {name} | {scored} | {' | '.join(marks)} |")
    for way, run in runs.items():
        rows += ["", *_remarks(way, run)]
    return "\n".join(rows) + "\n"


def _remarks(way: str, run: dict[str, Any]) -> list[str]:
    """Complaints about scored and pending scenarios; of an extension only that it is not there."""
    rows = [
        f"- {name}: {' '.join(text.split())}"
        for name, s in run["scenarios"].items()
        if s["not_scored"] != "extension"
        for text in s["complaints"]
    ]
    if run["baseline"]:
        reasons = (HERE / run["baseline"]).read_text().rstrip()
        rows += ["", f"Its baseline, `lab/conformance/{run['baseline']}`:"]
        rows += ["", "```yaml", reasons, "```"]
    return [f"{WAYS[way][1]}: failures and warnings.", "", *rows] if rows else []


if __name__ == "__main__":
    try:
        sys.stdout.write(render())
    except FileNotFoundError as error:
        sys.stderr.write(
            f"{error.filename} is not there yet. Next: pytest -m conformance lab/conformance\n"
        )
        sys.exit(3)
