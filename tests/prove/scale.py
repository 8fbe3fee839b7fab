"""Issue 6, scale: what more replicas add, and how many waiting calls one of them holds."""

import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests import replica as replicas
from tests.prove.proof import Outcome, Proof
from tests.replica import ROOT, Replica
from tests.speak import call

TOOLS = "tests.core.sample.tools"
AT_ONCE = 8  # calls that each replica is given at a time
TIMES = 2.9
KILOBYTES = 64  # a waiting call may take so much memory


def run(short: bool) -> list[Outcome]:
    """Three replicas beside one; then as many waiting calls as one replica shall hold."""
    with tempfile.TemporaryDirectory() as folder:
        return [_more(Path(folder), short), _waiting(Path(folder), 500 if short else 10_000)]


def _more(folder: Path, short: bool) -> Outcome:
    """A tool that waits 50 ms, so that a replica's limit is its concurrency, not this machine."""
    seconds = 3.0 if short else 10.0
    with ExitStack() as stack:
        three = [_replica(stack, folder / f"more-{number}") for number in range(3)]
        alone = _rate(three[:1], seconds)
        together = _rate(three, seconds)
    figures = {
        "one replica": f"{alone:,.0f} calls/s",
        "three replicas": f"{together:,.0f} calls/s, {together / alone:.2f} times as many",
        "each": f"{AT_ONCE} calls of 50 ms at a time, sent to it directly",
    }
    claim = f"Three replicas serve {TIMES} times what one does, when each has its own limit"
    return Outcome(claim, short or together >= TIMES * alone, figures)


def _rate(members: list[Replica], seconds: float) -> float:
    running = [_load(member, 0.05, seconds, AT_ONCE) for member in members]
    return sum(found["calls"] / found["seconds"] for found in map(_seen, running))


def _waiting(folder: Path, calls: int) -> Outcome:
    """All wait at once: every connection has sent its one call before the first is answered."""
    with ExitStack() as stack:
        one = _replica(stack, folder / "waiting", MCP_CALL_TIMEOUT=120)
        _seen(_load(one, 0.1, 1, 10))
        before = peak = _memory(one)
        running = _load(one, 40.0, 1, calls)
        while running.poll() is None:
            peak = max(peak, _memory(one))
            time.sleep(0.1)
        answered = _seen(running)["calls"]
    each = (peak - before) * 1024 / calls
    figures = {
        "waiting at once, all answered": f"{answered:,}",
        "resident memory": f"{before:.0f} MB before, {peak:.0f} MB at most",
        "a waiting call": f"{each:.0f} KB",
    }
    claim = f"One replica holds {calls:,} waiting calls, in at most {KILOBYTES} KB each"
    return Outcome(claim, answered == calls and each <= KILOBYTES, figures)


def _replica(stack: ExitStack, folder: Path, **settings: Any) -> Replica:
    made = replicas.run(folder, "-m", "tests.serve", TOOLS, **settings)
    stack.callback(made.end)
    made.wait_until_ready()
    return made


def _load(to: Replica, wait: float, seconds: float, connections: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.bench.load", str(to.port), str(seconds), str(connections)]
    running = subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert running.stdin
    running.stdin.write(json.dumps(call("sleep", "modern", seconds=wait)))
    running.stdin.close()
    return running


def _seen(running: subprocess.Popen[str]) -> dict[str, Any]:
    assert running.stdout
    with running.stdout as said:
        found: dict[str, Any] = json.loads(said.read())
    if running.wait():
        raise RuntimeError("the load ended with an error")
    return found


def _memory(of: Replica) -> float:
    for line in Path(f"/proc/{of.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS: this proof needs Linux")


PROOF = Proof("More replicas, and calls that wait", run)
