"""Load on a deployment, by the project's own load tester, and what became of it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.swarm.commands import PROJECT, CommandError
from lab.swarm.deployment import Deployment

ERAS = ("modern", "legacy")
# A call of the database. The balancer never sends it twice: a failure is seen as one.
CALL = ("--tool", "get_top_customers", "--args", '{"limit": 3}')


@dataclass(frozen=True)
class Loaded:
    """What the load tester told: its JSON document and its report for people."""

    document: dict[str, Any]
    report: str
    exit_code: int

    @property
    def made(self) -> int:
        """How many calls were made."""
        return int(self.document["totals"]["made"])

    @property
    def lost(self) -> int:
        """How many of them failed, or were never made because too many waited."""
        totals = self.document["totals"]
        return int(totals["failed"]) + int(totals["dropped"])


def load(url: str, folder: Path, *options: str) -> Loaded:
    """Runs test_swarm_load.py against ``url`` to its end."""
    process = _start(url, folder / "load.json", options)
    return _end(process, folder / "load.json")


def roll_under_load(
    deployment: Deployment, folder: Path, rate: int, least: int
) -> dict[str, Loaded]:
    """Replaces every replica, again and again, while both eras call ``rate`` times a second.

    The last roll-out is the one in which each era's calls reach ``least``, in number.

    Returns:
        What became of the calls, by era.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        running = {
            era: stack.enter_context(_endless(deployment.url(node), folder, era, rate, *CALL))
            for node, era in enumerate(ERAS, 1)
        }
        time.sleep(3)
        deployment.roll()
        while (time.monotonic() - started) * rate < 1.02 * least:
            deployment.roll()
        time.sleep(3)
        for process, _ in running.values():
            process.send_signal(signal.SIGTERM)  # ends the run in order, with its report
        return {era: _end(process, file) for era, (process, file) in running.items()}


@contextmanager
def loaded(url: str, folder: Path, rate: int, *call: str) -> Iterator[Callable[[], Loaded]]:
    """Has a call of 2026-07-28 made again and again; the function ends that and tells of it."""
    with _endless(url, folder, "modern", rate, *call) as (process, file):
        time.sleep(3)

        def end() -> Loaded:
            time.sleep(3)
            process.send_signal(signal.SIGTERM)  # ends the run in order, with its report
            return _end(process, file)

        yield end


@contextmanager
def _endless(
    url: str, folder: Path, era: str, rate: int, *call: str
) -> "Iterator[tuple[subprocess.Popen[str], Path]]":
    file = folder / f"{era}.json"
    bounds = ("--duration", "900", "--rate", str(rate))
    process = _start(url, file, ("--era", era, *bounds, *call))
    try:
        yield process, file
    finally:
        process.kill()
        process.communicate()


def _start(url: str, file: Path, options: tuple[str, ...]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [
            *(sys.executable, "test_swarm_load.py", "--url", url, "--json", str(file)),
            # One machine carries the Swarm and the tester: what is judged here is not the speed.
            *("--accept-busy-client", *options),
        ],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _end(process: "subprocess.Popen[str]", file: Path) -> Loaded:
    report, _ = process.communicate(timeout=300)
    if not file.exists():
        raise CommandError(f"test_swarm_load.py wrote no result:\n{report}")
    return Loaded(json.loads(file.read_text()), report, process.returncode)
