"""How many calls one process makes on one core, beside wrk in the same run."""

import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.prove.proof import Outcome

ROOT = Path(__file__).parents[2]
CALLS_PER_SECOND = 10_000
CONNECTIONS = 64
POST = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"
wrk.headers["MCP-Protocol-Version"] = "2025-11-25"
wrk.body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
"""


def speed(short: bool) -> Outcome:
    """The bare endpoint on one core, tester and wrk in turns on the other."""
    seconds, rounds = (1.5, 1) if short else (4.0, 5)
    runs: dict[str, list[Rate]] = {"tester": [], "recording": [], "wrk": []}
    server = _pinned(1, sys.executable, "-m", "mcp_swarm_load.testing.target")
    endpoint = subprocess.Popen(server, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert endpoint.stdout is not None
        port = endpoint.stdout.readline().split()[-1]
        with tempfile.TemporaryDirectory() as folder:
            url = f"http://127.0.0.1:{port}/mcp"
            for _ in range(rounds):
                runs["tester"].append(_tester(url, seconds))
                if shutil.which("wrk"):
                    runs["wrk"].append(_wrk(url, seconds, Path(folder)))
                runs["recording"].append(_tester(url, seconds, "--record", f"{folder}/x.jsonl"))
    finally:
        endpoint.kill()
        endpoint.communicate()
    ours = _median(runs["tester"])
    claim = f"{CALLS_PER_SECOND:,} calls/s from one process on one core, beside wrk"
    return Outcome(
        claim,
        short or ours.by_clock >= CALLS_PER_SECOND,
        {
            "this tester, answers judged": ours.text(),
            "this tester, every call recorded too": _median(runs["recording"]).text(ours),
            "wrk, one fixed request, answers not read": _median(runs["wrk"]).text(ours)
            if runs["wrk"]
            else "not installed: not compared",
            "how": f"{CONNECTIONS} connections; median of {rounds} rounds of {seconds:g} s, round-robin; "
            + ("pinned to one core, the endpoint to the other" if _can_pin() else "not pinned"),
        },
    )


@dataclass(frozen=True)
class Rate:
    """Calls a second by the clock, and by second of CPU used: what else runs takes from the first."""

    by_clock: float
    by_cpu: float

    def text(self, beside: "Rate | None" = None) -> str:
        """Both, and beside another one's."""
        text = f"{self.by_clock:,.0f} calls/s, {self.by_cpu:,.0f} per second of CPU"
        return text + (f" ({self.by_cpu / beside.by_cpu:.2f} times the first)" if beside else "")


def _median(rates: list[Rate]) -> Rate:
    return Rate(
        statistics.median(rate.by_clock for rate in rates),
        statistics.median(rate.by_cpu for rate in rates),
    )


def _can_pin() -> bool:
    return shutil.which("taskset") is not None and {0, 1} <= os.sched_getaffinity(0)


def _pinned(core: int, *command: str) -> list[str]:
    return [*(("taskset", "-c", str(core)) if _can_pin() else ()), *command]


def _tester(url: str, seconds: float, *more: str) -> Rate:
    options = ("--concurrent", str(CONNECTIONS), "--duration", str(seconds), *more)
    run_ = program(url, *options, pin=True)
    assert run_["totals"]["failed"] == 0, run_["totals"]
    rate = run_["totals"]["right_per_second"]
    return Rate(rate, 100 * rate / run_["client"]["cpu_percent"])


def _wrk(url: str, seconds: float, folder: Path) -> Rate:
    script = folder / "post.lua"
    script.write_text(POST)
    words = ("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{round(seconds)}s", "-s", str(script), url)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(_pinned(0, *words), capture_output=True, text=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "Non-2xx" not in said, said
    rate = re.search(r"Requests/sec: *([\d.]+)", said)
    count = re.search(r"(\d+) requests in", said)
    assert rate, said
    assert count, said
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Rate(float(rate[1]), int(count[1]) / used)


def program(url: str, *options: str, pin: bool = False) -> dict[str, Any]:
    """The document of one run of the program. That the machine is busy is not held against it."""
    words = (sys.executable, "test_swarm_load.py", "--url", url, "--accept-busy-client",
             "--json", "-", *options)  # fmt: skip
    done = subprocess.run(
        _pinned(0, *words) if pin else words, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(words)}: exit {done.returncode}\n{done.stderr}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document
