"""Issue 6, start-up and size: a replica's memory stays flat over 100,000 calls."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.rows import rows
from tests.bench.servers import ROOT, Server
from tests.prove.proof import Outcome, Proof

MEGABYTES = 1.0
# What is asked, by turns: calls, reads and lists of both eras.
ASKED = ("call, small", "call, small, not async", "resources/read", "prompts/get")


def run(short: bool) -> list[Outcome]:
    """Serves a tenth of the calls to warm up, then all of them."""
    calls = 10_000 if short else 100_000
    with tempfile.TemporaryDirectory() as folder:
        server = Server("ours", "small", Path(folder))
        try:
            warm = _call(server, max(calls // 10, 5_000))
            before = server.memory()
            after_warm = _call(server, calls)
            grown = server.memory() - before
        finally:
            server.end()
    figures = {
        "calls to warm up": f"{warm:,}",
        "calls": f"{after_warm:,}",
        "resident memory before": f"{before:.1f} MB",
        "grown by": f"{grown:+.2f} MB",
    }
    claim = f"Memory grows by {MEGABYTES:g} MB at most over {calls:,} calls"
    return [Outcome(claim, grown <= MEGABYTES, figures)]


def _call(server: Server, calls: int) -> int:
    """At least so many calls; returns how many."""
    made = [row.made for row in rows() if row.name.rpartition(" (")[0] in ASKED]
    done = 0
    while done < calls:
        words = [sys.executable, "-m", "tests.bench.load", str(server.port), "2", "8"]
        asked = json.dumps(made[0])
        made.append(made.pop(0))
        seen = subprocess.run(
            words, cwd=ROOT, input=asked, capture_output=True, text=True, check=True
        )
        done += json.loads(seen.stdout)["calls"]
    return done


PROOF = Proof("Memory over many calls", run)
