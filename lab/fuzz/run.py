"""Runs inputs against a real replica in one mode, and finds what must not be.

python -m lab.fuzz.run MODE SEED COUNT     or NUMBER: sends one input again and shows it
"""

import asyncio
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from lab import replica as replicas
from lab.fuzz.inputs import Input, inputs, make
from lab.fuzz.wire import Seen, send
from lab.mcp_wire import ERAS, call, request, text
from lab.modes import MODES
from lab.replica import SAMPLE, Replica
from lab.valkey import Valkey

FUZZED = ("json", "auto", "streams", "sessions in Redis")
AT_ONCE = 8
MEGABYTES = 8.0  # by which memory may grow once the first fifth has warmed it up
INTERNAL = -32603
ESTABLISHED, CLOSE_WAIT = "01", "08"  # as /proc/net/tcp has them


@dataclass
class Report:
    """What was seen in one mode."""

    mode: str
    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    grown: float = 0.0
    sockets: int = 0
    """Connections that the replica held open in the end and not at the beginning."""
    endless_keys: list[bytes] = field(default_factory=list)


def wrong(made: Input, seen: Seen) -> str:
    """What is wrong with an answer; empty if nothing is."""
    if seen.hung:
        return "hangs"
    if seen.status == 0:
        return "no answer" if made.is_whole else ""
    if seen.status >= 500 and not (seen.status == 503 and "retry-after" in seen.headers):
        return f"HTTP {seen.status}"
    kind = seen.headers.get("content-type", "")
    if "json" not in kind or not seen.body:
        return ""
    try:
        message = seen.message()
    except ValueError as error:
        return f"no JSON: {error}"
    error = message.get("error") if isinstance(message, dict) else None
    if isinstance(error, dict) and error.get("code") == INTERNAL:
        return f"internal error: {error.get('message')}"
    return ""


async def fuzzed(mode: str, folder: Path, seed: int, count: int) -> Report:
    """Sends `count` inputs to a replica of its own."""
    valkey = Valkey(folder / "valkey") if "Redis" in mode else None
    shared: dict[str, Any] = {}
    if valkey:
        shared = {"REDIS_URL": valkey.url, "MCP_REQUEST_STATE_KEYS": "k" * 64}
    made = await asyncio.to_thread(
        replicas.start, folder / "replica", SAMPLE, **MODES[mode], **shared
    )
    report = Report(mode)
    try:
        await asyncio.to_thread(made.wait_until_ready)
        await _serves(made, report, "before")
        sockets, numbers = _sockets(made), inputs(seed, count)
        await _send_all(made, report, numbers[: count // 5], valkey is not None)
        before = _memory(made)
        await _send_all(made, report, numbers[count // 5 :], valkey is not None)
        await _serves(made, report, "afterwards")
        report.sockets = await _settled(made, sockets)
        report.grown = _memory(made) - before
        if valkey:
            with valkey.client() as client:
                report.endless_keys = [key for key in client.scan_iter() if client.ttl(key) == -1]
        report.findings += [f"log: {line}" for line in _broken(made.log)]
    finally:
        made.end()
        if valkey:
            valkey.end()
    return report


async def _send_all(
    replica: Replica, report: Report, numbers: list[int], has_sessions: bool
) -> None:
    waiting: Iterator[int] = iter(numbers)

    async def work() -> None:
        session = await _session(replica) if has_sessions else None
        for number in waiting:
            made = make(number, session)
            seen = await send(replica.port, made)
            report.sent += 1
            report.statuses[seen.status] += 1
            if found := wrong(made, seen):
                report.findings.append(
                    f"{number}: {found}: {made.raw[-300:]!r} {seen.body[:200]!r}"
                )
            if seen.status == 404 and has_sessions:  # it was closed by an input
                session = await _session(replica)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def _session(replica: Replica) -> str | None:
    params = {"protocolVersion": "2025-11-25", "capabilities": {}}
    info = {"clientInfo": {"name": "fuzz", "version": "1"}}
    async with httpx2.AsyncClient(timeout=60, trust_env=False) as http:
        answer = await http.post(replica.url, **request("initialize", "legacy", **params, **info))
    return answer.headers.get("mcp-session-id")


async def _serves(replica: Replica, report: Report, when: str) -> None:
    """An ordinary call in each version is answered."""
    session = await _session(replica)
    async with httpx2.AsyncClient(timeout=60, trust_env=False) as http:
        for era in ERAS:
            asked = call("echo", era, text=when)
            if session and era == "legacy":
                asked["headers"]["Mcp-Session-Id"] = session
            answer = await http.post(replica.url, **asked)
            if answer.status_code != 200 or text(answer) != when:
                report.findings.append(f"{when}, {era}: {answer.status_code} {answer.text[:200]}")
        ready = await http.get(f"{replica.base}/readyz")
        if ready.json() != {"status": "ready"}:
            report.findings.append(f"{when}: /readyz says {ready.text}")


async def _settled(replica: Replica, usual: int) -> int:
    """Connections above the usual ones, once those of the fuzz had time to end."""
    for _ in range(300):
        if (more := _sockets(replica) - usual) <= 0:
            return 0
        await asyncio.sleep(0.1)
    return more


def _sockets(replica: Replica) -> int:
    """Connections of callers that are not closed on the replica's side."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = f":{replica.port:04X}"
    return sum(row[1].endswith(ours) and row[3] in (ESTABLISHED, CLOSE_WAIT) for row in rows)


def _memory(replica: Replica) -> float:
    status = Path(f"/proc/{replica.process.pid}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+)", status)
    assert match
    return int(match[1]) / 1024


def _broken(log: str) -> list[str]:
    """What says that something was not foreseen; the same counts once."""
    marks = re.findall(r"^(?:\w*(?:Error|Exception)\b.*|.*Traceback.*)$", log, re.MULTILINE)
    return [f"{many} times {line[:200]}" for line, many in Counter(marks).most_common(20)]


def main() -> int:
    """Runs one mode, or shows one input."""
    if len(sys.argv) == 2:
        print(make(int(sys.argv[1]), "session").raw.decode("latin-1"))
        return 0
    mode, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(fuzzed(mode, Path(folder), seed, count))
    kinds = Counter(finding.split(": ")[1] for finding in report.findings)
    print(report.sent, dict(report.statuses), f"{report.grown:+.1f} MB", report.sockets, kinds)
    print(*report.findings[:40], sep="\n")
    return bool(report.findings)


if __name__ == "__main__":
    sys.exit(main())
