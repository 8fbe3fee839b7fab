"""The official conformance suite; its full result is docs/conformance.md."""

import json
import subprocess
import sys
from pathlib import Path

from lab.conformance import report
from lab.prove.proof import Outcome, Proof

ROOT = Path(__file__).parents[2]

# Way → what must hold.
CLAIMS = {
    "2026-07-28-direct": "2026-07-28, streaming, directly: every scored scenario passes",
    "2026-07-28-balanced": "2026-07-28, streaming, through HAProxy over three replicas, each "
    "request on the next one: every scored scenario passes",
    "2026-07-28-sessions-balanced": "2026-07-28, streaming, where older clients have sessions in "
    "Redis, through HAProxy over three replicas, each request on the next one: every scored "
    "scenario passes",
    "2026-07-28-tasks": "2026-07-28, through HAProxy over three replicas and a worker: every scored "
    "scenario passes, and the ten of the tasks extension but the one that asks nothing",
    "2025-11-25-stateful": "2025-11-25, with sessions, directly: every scored scenario passes",
    "2025-11-25-sessions-balanced": "2025-11-25, with sessions in Redis, through HAProxy over three "
    "replicas, each request on the next one: every scenario passes, the unscored too",
}


def run(short: bool) -> list[Outcome]:
    """Runs the tests that run the suite, and reads what they kept."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "conformance", "lab/conformance"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    outcomes = [_outcome(way, claim, done.returncode == 0) for way, claim in CLAIMS.items()]
    if not short and all(outcome.holds for outcome in outcomes):
        (ROOT / "docs" / "conformance.md").write_text(report.render())
    if done.returncode:
        outcomes.append(Outcome("The suite's tests pass", holds=False, transcript=done.stdout))
    return outcomes


def _outcome(way: str, claim: str, tests_passed: bool) -> Outcome:
    kept = report.RESULTS / f"{way}.json"
    if not kept.exists():
        return Outcome(claim, holds=False, transcript=f"no result in {kept.name}")
    saved = json.loads(kept.read_text())
    scenarios = saved["scenarios"].values()
    scored = [s["result"] for s in scenarios if s["not_scored"] is None]
    others = [s["result"] for s in scenarios if s["not_scored"] is not None]
    figures = {
        "scored, passed": f"{scored.count('passed')} of {len(scored)}",
        "others, passed": f"{others.count('passed')} of {len(others)}",
    }
    if saved["runs"] > 1:
        figures["runs"] = "two, of which this is the second"
    all_of_them = "unscored too" not in claim or set(others) == {"passed"}
    holds = tests_passed and bool(scored) and set(scored) == {"passed"} and all_of_them
    return Outcome(claim, holds, figures)


PROOF = Proof("Conformance", run)
