"""What more replicas add, what the balancer costs, how many calls may wait."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lab import replica as replicas
from lab.bench.servers import cpu, memory
from lab.mcp_wire import call
from lab.prove import checks
from lab.prove.proof import Outcome, Proof
from lab.prove.service import Service, service
from lab.replica import ROOT, Replica

TOOLS = "lab.sample.tools"
CAP = 5  # calls that the balancer gives a replica at a time
CALLERS = 100  # more than ten replicas take at once: the others wait in the balancer
WAITS, QUICK = call("sleep", "modern", seconds=0.05), call("add", "modern", a=1, b=2)
TIMES, SHORT_TIMES = 2.9, 2.0
KILOBYTES = 64  # a waiting call may take so much memory


def run(short: bool) -> list[Outcome]:
    """More replicas behind the balancer; its health checks; as many waiting calls as one holds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [
            _more(folder / "more", short),
            *checks.outcomes(folder, short),
            _waiting(folder, 500, 5.0) if short else _waiting(folder, 10_000, 40.0),
        ]


def _more(folder: Path, short: bool) -> Outcome:
    """A tool that waits 50 ms, so that a replica's limit is its cap, not this machine.

    The same callers each time; one, three and ten replicas in turns.
    """
    folder.mkdir()
    sizes, rounds, seconds = ((1, 3), 1, 3.0) if short else ((1, 3, 10), 3, 6.0)
    seen: dict[int, list[dict[str, Any]]] = {size: [] for size in sizes}
    cap = str(CAP)
    with service(folder, max(sizes), (TOOLS,), LB_REPLICA_CALLS=cap) as made:
        for _ in range(rounds):
            for size in sizes:
                made.scale(size)
                seen[size].append(_measured(made, size, seconds))
        most = [int(row["smax"]) for row in made.balancer.replicas()][: max(sizes)]
        made.scale(3)
        # As many calls as this machine can serve: what the parts cost when they have work.
        busy = _measured(made, 3, seconds, QUICK, 3 * CAP)
    found = {
        size: {name: statistics.median(one[name] for one in runs) for name in runs[0]}
        for size, runs in seen.items()
    }
    least = SHORT_TIMES if short else TIMES
    # One more is in HAProxy's count while it is handed over.
    capped = min(most) >= CAP and max(most) <= CAP + 1
    return Outcome(
        f"Three replicas serve at least {least} times what one does, {CAP} calls at a time each",
        capped and found[3]["rate"] >= least * found[1]["rate"],
        {
            "callers, each with one call of 50 ms at a time": str(CALLERS),
            "most calls at a time at a replica, as HAProxy counts": str(max(most)),
            **{name: value for size in sizes for name, value in _shown(size, found).items()},
            "each rate": f"the median of {rounds}, in turns",
            "small calls through three replicas": f"{busy['rate']:,.0f} a second",
            "CPU of the balancer, a small call": f"{busy['balancer']:.0f} µs",
            "CPU of a replica, a small call": f"{busy['replica']:.0f} µs",
        },
        numbers={
            "replicas": {str(size): found[size] for size in sizes},
            "call": busy,
        },
    )


def _measured(
    made: Service,
    size: int,
    seconds: float,
    asked: dict[str, Any] = WAITS,
    callers: int = CALLERS,
) -> dict[str, float]:
    used = made.replicas[:size]

    def spent() -> tuple[float, float]:
        return cpu(made.balancer.pid), sum(cpu(one.process.pid) for one in used)

    before = spent()
    found = _seen(_load(made.port, asked, seconds, callers))
    balancer, replica = (now - was for now, was in zip(spent(), before, strict=True))
    return {
        "rate": found["calls"] / found["seconds"],
        "p50": found["p50"],
        "balancer": 1e6 * balancer / found["calls"],
        "replica": 1e6 * replica / found["calls"],
    }


def _shown(size: int, found: dict[int, dict[str, float]]) -> dict[str, str]:
    rate = found[size]["rate"]
    times = f", {rate / found[1]['rate']:.2f} times as many" if size > 1 else ""
    name = "1 replica" if size == 1 else f"{size} replicas"
    return {name: f"{rate:,.0f} calls/s{times}; half are answered in {found[size]['p50']:.0f} ms"}


def _waiting(folder: Path, calls: int, seconds: float) -> Outcome:
    """All wait at once: every connection has sent its one call before the first is answered."""
    with ExitStack() as stack:
        one = _replica(stack, folder / "waiting", MCP_CALL_TIMEOUT=120)
        _seen(_load(one.port, WAITS, 1, 10))
        before = peak = memory(one.process.pid)
        running = _load(one.port, call("sleep", "modern", seconds=seconds), 1, calls)
        while running.poll() is None:
            peak = max(peak, memory(one.process.pid))
            time.sleep(0.1)
        answered = _seen(running)["calls"]
    each = (peak - before) * 1024 / calls
    figures = {
        "waiting at once, all answered": f"{answered:,}",
        "resident memory": f"{before:.0f} MB before, {peak:.0f} MB at most",
        "a waiting call": f"{each:.0f} KB",
    }
    claim = f"One replica holds {calls:,} waiting calls, in at most {KILOBYTES} KB each"
    holds = answered == calls and each <= KILOBYTES
    numbers = {"replica, MB": round(before), "a waiting call, KB": round(each)}
    return Outcome(claim, holds, figures, numbers=numbers)


def _replica(stack: ExitStack, folder: Path, **settings: Any) -> Replica:
    made = replicas.run(folder, "-m", "lab.serve", TOOLS, **settings)
    stack.callback(made.end)
    made.wait_until_ready()
    return made


def _load(
    port: int, asked: dict[str, Any], seconds: float, connections: int
) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "lab.bench.load", str(port), str(seconds), str(connections)]
    running = subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert running.stdin
    running.stdin.write(json.dumps({"request": asked}))
    running.stdin.close()
    return running


def _seen(running: subprocess.Popen[str]) -> dict[str, Any]:
    assert running.stdout
    with running.stdout as said:
        found: dict[str, Any] = json.loads(said.read())
    if running.wait():
        raise RuntimeError("the load ended with an error")
    return found


PROOF = Proof("More replicas, and calls that wait", run)
