"""Rows measured in turns: in each round every contender has its share of every row.

What else runs on the machine changes from second to second, and hits all of one round alike; so
a ratio is taken within each round, and its median over the rounds is told.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.rows import Row
from tests.bench.servers import ROOT, CannotRunError, Server

CONNECTIONS = 8
FIRST = ("ours", "fastmcp")  # the ratio that is judged, measured one right after the other


@dataclass
class Seen:
    """What a contender showed in one row, a value a round.

    Attributes:
        cpu: microseconds of CPU of the server's process, a request.
        rate: requests a second.
        p50: milliseconds.
        p99: milliseconds.
    """

    cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def median(self) -> dict[str, float]:
        return {name: round(statistics.median(values), 2) for name, values in vars(self).items()}


@dataclass
class Comparison:
    """All that was seen; `unable` has the reason of each contender that could not run."""

    rows: dict[str, dict[str, Seen]] = field(default_factory=dict)
    starts: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    unable: dict[str, str] = field(default_factory=dict)

    def ratio(self, row: str, one: str, other: str) -> float | None:
        """The median over the rounds of one's CPU by the other's; None if one is missing."""
        found = self.rows.get(row, {})
        if one not in found or other not in found:
            return None
        pairs = zip(found[one].cpu, found[other].cpu, strict=True)
        return statistics.median(a / b for a, b in pairs)


def compare(rows: Iterable[Row], rounds: int, seconds: float, folder: Path) -> Comparison:
    """Measures `rows`, group after group of servers, `rounds` times `seconds` each."""
    seen = Comparison()
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    for group, members in groups.items():
        servers = _started(group, {name for row in members for name in row.to}, folder, seen)
        try:
            for number in range(-1, rounds):  # the first round warms up, compilers too: not counted
                counts = number >= 0
                _round(members, servers, seconds if counts else 2 * seconds, seen, counts=counts)
                print(".", end="", file=sys.stderr, flush=True)
            if group == "small":
                seen.memory = {name: server.memory() for name, server in servers.items()}
        finally:
            for server in servers.values():
                server.end()
    print(file=sys.stderr)
    return seen


def _started(group: str, names: set[str], folder: Path, seen: Comparison) -> dict[str, Server]:
    servers: dict[str, Server] = {}
    for name in sorted(names, key=lambda name: (name not in FIRST, name)):
        try:
            servers[name] = Server(name, group, folder)
            seen.starts.setdefault(name, []).append(servers[name].ready_after)
        except CannotRunError as why:
            seen.unable[name] = str(why)
    return servers


def _round(
    rows: list[Row], servers: dict[str, Server], seconds: float, seen: Comparison, *, counts: bool
) -> None:
    for row in rows:
        for name, server in servers.items():
            if name not in row.to:
                continue
            before = server.cpu()
            found = _load(server.port, row.made, seconds)
            used = server.cpu() - before
            if counts:
                store = seen.rows.setdefault(row.name, {}).setdefault(name, Seen())
                store.cpu.append(max(used, 0.01) / found["calls"] * 1e6)
                store.rate.append(found["calls"] / found["seconds"])
                store.p50.append(found["p50"])
                store.p99.append(found["p99"])


def _load(port: int, made: dict[str, Any], seconds: float) -> dict[str, Any]:
    words = [sys.executable, "-m", "tests.bench.load", str(port), str(seconds), str(CONNECTIONS)]
    done = subprocess.run(
        words, cwd=ROOT, input=json.dumps(made), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{made['json']['method']} on port {port}: {done.stderr[-1500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
