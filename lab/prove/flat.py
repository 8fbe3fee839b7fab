"""Memory stays flat over calls, and over sessions opened and closed."""

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx2

from lab import mcp_wire
from lab import replica as replicas
from lab.bench.rows import rows
from lab.bench.servers import ROOT, Server, memory
from lab.legacy import PACKAGES, SETTINGS, Session
from lab.prove.proof import Outcome, Proof
from lab.prove.watch import Watch
from lab.replica import Replica
from lab.valkey import Valkey

MEGABYTES = 1.0
# What is asked, by turns: calls, reads and lists of both eras.
ASKED = ("call, small", "call, small, not async", "resources/read", "prompts/get")
AT_ONCE = 16
# Of sessions, one in so many has a call whose answer is a stream, which Redis keeps for a while.
STREAMED = 10


def run(short: bool) -> list[Outcome]:
    """Each time a tenth to warm up, then all of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [
            _calls(folder, 10_000 if short else 100_000),
            _sessions(folder / "sessions", 300 if short else 10_000),
        ]


def _calls(folder: Path, calls: int) -> Outcome:
    server = Server("ours", "small", folder)
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
    return Outcome(claim, grown <= MEGABYTES, figures)


def _call(server: Server, calls: int) -> int:
    """At least so many calls, some of each kind; returns how many."""
    made = [row.made for row in rows() if row.name.rpartition(" (")[0] in ASKED]
    done = runs = 0
    while done < calls or runs < len(made):
        runs += 1
        words = [sys.executable, "-m", "lab.bench.load", str(server.port), "2", "8"]
        asked = json.dumps({"request": made[0]})
        made.append(made.pop(0))
        seen = subprocess.run(
            words, cwd=ROOT, input=asked, capture_output=True, text=True, check=True
        )
        done += json.loads(seen.stdout)["calls"]
    return done


def _sessions(folder: Path, count: int) -> Outcome:
    """Each is opened, used for a call, and closed by its client."""
    valkey = Valkey(folder / "valkey", appendfsync="always")
    watch = Watch(valkey)
    shared = {"REDIS_URL": valkey.url, "MCP_REQUEST_STATE_KEYS": "0" * 64}
    settings = {name: value for name, value in SETTINGS.items() if name != "packages"}
    one = replicas.run(folder / "one", "-m", "lab.serve", *PACKAGES, **settings, **shared)
    try:
        one.wait_until_ready()
        warm = max(count // 10, 300)
        asyncio.run(_used(one, warm))
        before, stored = memory(one.process.pid), watch.memory()
        asyncio.run(_used(one, count))
        grown, more = memory(one.process.pid) - before, watch.memory() - stored
        left = [key for key in watch.stored() if "session" in key]
    finally:
        one.end()
        watch.close()
        valkey.end()
    figures = {
        "sessions to warm up": f"{warm:,}",
        "sessions opened, used and closed": f"{count:,}",
        "resident memory before": f"{before:.1f} MB",
        "grown by": f"{grown:+.2f} MB",
        "keys of sessions left in Redis": f"{len(left):,}",
        "memory of Redis, grown by": f"{more / 2**20:+.2f} MB",
    }
    claim = (
        f"Memory grows by {MEGABYTES:g} MB at most over {count:,} sessions opened and closed, "
        "and Redis keeps nothing of them"
    )
    holds = grown <= MEGABYTES and not left and more <= MEGABYTES * 2**20
    return Outcome(claim, holds, figures)


async def _used(one: Replica, count: int) -> None:
    gate = asyncio.Semaphore(AT_ONCE)
    limits = httpx2.Limits(max_connections=AT_ONCE)

    async def use(number: int) -> None:
        async with gate:
            session = await Session(http, [one]).open()
            if number % STREAMED:
                mcp_wire.text(await session.call("add", a=number, b=1))
            else:
                mcp_wire.text(await session.call("count", to=2, pause=0.001))
            assert (await session.delete()).status_code == 200

    async with httpx2.AsyncClient(timeout=60, trust_env=False, limits=limits) as http:
        await asyncio.gather(*(use(number) for number in range(count)))


PROOF = Proof("Memory over many calls and sessions", run)
