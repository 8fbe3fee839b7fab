"""Idle sessions cost Redis memory alone; open streams no Redis connection."""

import asyncio
import json
import random
import re
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2

from lab import mcp_wire, replica
from lab.legacy import SETTINGS, Session
from lab.prove.proof import Outcome, Proof
from lab.replica import Replica
from lab.valkey import Valkey

SESSIONS, STREAMS, COLD = 10_000, 2_000, 500
SHORT = (300, 100, 50)
AT_ONCE = 32
# What an idle session may cost a replica, and an open stream, before the claim does not hold.
MAX_PER_SESSION, MAX_PER_STREAM = 1024, 64 * 1024  # bytes


def run(short: bool) -> list[Outcome]:
    """Opens sessions at three replicas in turn, then streams at one of them."""
    with tempfile.TemporaryDirectory() as folder:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        sizes = SHORT if short else (SESSIONS, STREAMS, COLD)
        valkey = Valkey(Path(folder) / "valkey", appendfsync="always")
        replicas = []
        try:
            replicas = [_start(Path(folder) / f"replica-{n}", valkey) for n in range(3)]
            return asyncio.run(_prove(replicas, valkey, *sizes))
        finally:
            for made in replicas:
                made.end()
            valkey.end()


def _start(folder: Path, valkey: Valkey) -> Replica:
    settings = {
        **SETTINGS,
        "REDIS_URL": valkey.url,
        "MCP_REQUEST_STATE_KEYS": "0" * 64,
        "MCP_LOG_LEVEL": "info",  # the port is read from the log
    }
    made = replica.start(folder, **settings)
    made.wait_until_ready()
    return made


async def _prove(
    replicas: Sequence[Replica], valkey: Valkey, sessions: int, streams: int, cold: int
) -> list[Outcome]:
    limits = httpx2.Limits(max_connections=AT_ONCE)
    async with httpx2.AsyncClient(timeout=60, trust_env=False, limits=limits) as http:
        await _open(http, replicas, 60)  # what is loaded once is not counted
        opened, idle = await _idle_sessions(http, replicas, valkey, sessions)
        served = await _cold_sessions(http, replicas, random.sample(opened, cold))
        return [idle, served, await _open_streams(http, replicas, valkey, opened[:streams])]


async def _idle_sessions(
    http: httpx2.AsyncClient, replicas: Sequence[Replica], valkey: Valkey, count: int
) -> tuple[list[str], Outcome]:
    before, stored = [_resident(made) for made in replicas], _stored(valkey)
    began = time.monotonic()
    opened = await _open(http, replicas, count)
    seconds = time.monotonic() - began
    grown = [(_resident(made) - was) / count for made, was in zip(replicas, before, strict=True)]
    kept = (_stored(valkey) - stored) / count
    figures = {
        "sessions": f"{count:,}",
        "opened in": f"{seconds:.0f} s, at three replicas in turn",
        "memory of a replica per session, most": f"{max(0, *grown):.0f} B",
        "memory of Redis per session": f"{kept:.0f} B",
        "connections to Redis per replica": f"{_connections(valkey) / len(replicas):.1f}",
    }
    claim = (
        f"{count:,} idle sessions cost each of three replicas less than {MAX_PER_SESSION} B each"
    )
    return opened, Outcome(claim, max(grown) < MAX_PER_SESSION, figures)


async def _cold_sessions(
    http: httpx2.AsyncClient, replicas: Sequence[Replica], sample: list[str]
) -> Outcome:
    """A call to each of `sample` at a replica by chance, and another at once at the same."""
    cold, warm, right = [], [], 0
    for session in sample:
        made = random.choice(list(replicas))
        for times in (cold, warm):
            began = time.perf_counter()
            response = await Session(http, [made], {"Mcp-Session-Id": session}).call("met")
            times.append((time.perf_counter() - began) * 1000)
            right += json.loads(mcp_wire.text(response))["session"] == session
    figures = {
        "calls": f"{2 * len(sample):,}, {right:,} right",
        "cold session, median": f"{statistics.median(cold):.1f} ms",
        "cold session, 99th percentile": f"{_percentile(cold):.1f} ms",
        "the same again, median": f"{statistics.median(warm):.1f} ms",
        "the same again, 99th percentile": f"{_percentile(warm):.1f} ms",
    }
    claim = "Any replica serves any of them, one that it never saw as fast as one that it just had"
    as_fast = statistics.median(cold) < 2 * statistics.median(warm)
    return Outcome(claim, right == 2 * len(sample) and as_fast, figures)


async def _open_streams(
    http: httpx2.AsyncClient, replicas: Sequence[Replica], valkey: Valkey, sessions: list[str]
) -> Outcome:
    """GET streams at the first replica; a change is told at another, and each hears it once."""
    made, count = replicas[0], len(sessions)
    connected, memory = _connections(valkey), _resident(made)
    async with AsyncExitStack() as stack:
        streams = []
        for start in range(0, count, AT_ONCE):
            batch = sessions[start : start + AT_ONCE]
            streams += await asyncio.gather(*(_listen(made, session) for session in batch))
        for _, writer in streams:
            stack.callback(writer.close)
        grown = (_resident(made) - memory) / count
        more = _connections(valkey) - connected
        began = time.monotonic()
        await Session(http, [replicas[1]], {"Mcp-Session-Id": sessions[0]}).call("relist")
        heard = await asyncio.gather(*(_heard(reader) for reader, _ in streams))
        seconds = time.monotonic() - began - QUIET
    figures = {
        "streams open at one replica": f"{count:,}",
        "memory of the replica per stream": f"{grown / 1024:.1f} KiB",
        "connections to Redis that they add": str(more),
        "a change told at another replica was heard by": f"{sum(n == 1 for n in heard):,}, once",
        "all had heard it after": f"{max(0.0, seconds):.1f} s",
    }
    holds = set(heard) == {1} and more <= 0 and grown < MAX_PER_STREAM
    claim = f"{count:,} GET streams at one replica need no more connections to Redis than none"
    return Outcome(claim, holds, figures)


async def _open(http: httpx2.AsyncClient, replicas: Sequence[Replica], count: int) -> list[str]:
    """Ids of sessions that have been opened and confirmed."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> str:
        async with gate:
            turn = [replicas[(number + step) % len(replicas)] for step in range(2)]
            return (await Session(http, turn).open()).id

    return list(await asyncio.gather(*(one(number) for number in range(count))))


async def _listen(made: Replica, session: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A GET stream on a bare socket, its head and first event read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
    head = {
        "Host": "localhost",
        "Accept": "text/event-stream",
        "MCP-Protocol-Version": mcp_wire.LEGACY,
        "Mcp-Session-Id": session,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    writer.write(f"GET /mcp HTTP/1.1\r\n{lines}\r\n".encode())
    status = await reader.readline()
    if b" 200 " not in status:
        raise RuntimeError(f"no stream for session {session}: {status!r}")
    await reader.readuntil(b"data: \r\n\r\n")
    return reader, writer


# Seconds without a further event after which no second one is expected.
QUIET = 3.0


async def _heard(reader: asyncio.StreamReader) -> int:
    """How often the stream told of changed tools: until one came, and a while longer."""
    found = b""
    timeout = 60.0
    while True:
        try:
            async with asyncio.timeout(timeout):
                chunk = await reader.read(65536)
        except TimeoutError:
            return found.count(b"tools/list_changed")
        if not chunk:
            return -1
        found += chunk
        if b"list_changed" in found:
            timeout = QUIET


def _resident(made: Replica) -> int:
    """Bytes."""
    status = Path(f"/proc/{made.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    if found is None:
        raise RuntimeError("no VmRSS: this proof needs Linux")
    return int(found[1]) * 1024


def _stored(valkey: Valkey) -> int:
    """Bytes that Redis uses."""
    with valkey.client() as client:
        return int(client.info("memory")["used_memory"])


def _connections(valkey: Valkey) -> int:
    """Of the replicas; the one that asks is not counted."""
    with valkey.client() as client:
        return len(client.client_list()) - 1


def _percentile(values: list[float]) -> float:
    return sorted(values)[int(0.99 * (len(values) - 1))]


PROOF = Proof("Sessions on any replica", run)
