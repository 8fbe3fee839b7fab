"""Long work. Real processes here; the same storm on three Swarm nodes: lab/swarm."""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2

from lab import postgres
from lab.jobs.callers import followed
from lab.jobs.processes import REDELIVERY, Processes, processes
from lab.jobs.storm import Books, storm
from lab.prove.proof import Outcome, Proof
from lab.valkey import Valkey

ROOT = Path(__file__).parents[2]
SECRET, TOKEN = "argument-in-clear", "token-in-clear-0123456789abcdef"

# A job may cost so many times the CPU of one of bare Docket.
MAX_OVERHEAD = 4.0


def run(short: bool) -> list[Outcome]:
    """All claims that need no Swarm."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [
            _storm(folder / "storm", 40 if short else 200),
            *_on_samples(folder / "samples", short),
            _overhead(folder / "speed", 100 if short else 500),
        ]


def _storm(folder: Path, jobs: int) -> Outcome:
    settings = {"MCP_TASK_CONCURRENCY": 4}
    with (
        postgres.serving() as url,
        processes(
            folder, ("lab.jobs.ledger",), DATABASE_URL=url.format("postgres"), **settings
        ) as made,
    ):
        books = asyncio.run(storm(made.replica.base, made, jobs, seconds=1.0))
    wrong = books.wrong(REDELIVERY)
    return Outcome(
        f"{jobs} jobs, two workers: one is killed (SIGKILL), Redis is restarted, the workers are "
        "rolled. Each job has its result, and its effect once in PostgreSQL's ledger",
        not wrong,
        figures(books, REDELIVERY),
        "\n".join(wrong),
    )


def figures(books: Books, redelivery: float) -> dict[str, str]:
    """Of a storm, here and on a Swarm."""
    return {
        "results": f"{books.right} of {books.submitted}",
        "effects in PostgreSQL's ledger": str(len(books.effects)),
        "begun once more": str(books.begun_again),
        "of them lost with the killed worker": str(len(books.restarts)),
        "at work, or waiting, when the workers were rolled": str(books.rolled_in_mid_work),
        "redelivery time": f"{redelivery:g} s",
        "Redis was away": f"{books.away:.1f} s",
        "longest from the kill to a new start": f"{books.slowest_restart:.1f} s",
        "in all": f"{books.seconds:.0f} s",
    }


def _on_samples(folder: Path, short: bool) -> list[Outcome]:
    with processes(folder, ("lab.jobs.sample",)) as made:
        ways = asyncio.run(followed(made.replica.base))
        stops = asyncio.run(_cancelled(made, 5 if short else 20))
        words = asyncio.run(_over_limit(made))
    auth = {"AUTH_ENABLED": "true", "AUTH_TOKEN": TOKEN}
    with processes(folder / "auth", ("lab.jobs.sample",), workers=1, **auth) as made:
        hidden, seen = asyncio.run(_hidden(made))
    return [
        Outcome(
            "One job is followed by the official client with the tasks extension, by a client of "
            "2025-11-25 with tools, and by curl",
            all(end == "worked 0.5 s" for end in ways.values()),
            {way: f"“{end}”" for way, end in ways.items()},
        ),
        Outcome(
            "A cancelled job stops within a second",
            max(stops) < 1,
            {
                "cancelled": str(len(stops)),
                "stopped after, median": f"{1000 * statistics.median(stops):.0f} ms",
                "stopped after, longest": f"{1000 * max(stops):.0f} ms",
            },
        ),
        Outcome("A job over its limit is stopped and says so", "0.5s" in words, {"it says": words}),
        Outcome(
            "Neither token nor argument, progress, question, answer or result lies in Redis in clear",
            hidden,
            {"keys and values looked through": f"{seen / 1000:.0f} kB"},
        ),
    ]


async def _cancelled(made: Processes, count: int) -> list[float]:
    """Seconds from the request to the running code's end, as the code noted it."""
    base, seconds = made.replica.base, []
    async with httpx2.AsyncClient(timeout=20, trust_env=False) as http:
        for number in range(count):
            folder = made.replica.folder / f"cancelled-{number}"
            folder.mkdir()
            job = await _submitted(http, base, "stubborn", folder=str(folder))
            await _until(http, base, job, "running")
            await asyncio.sleep(0.3)  # the tool has begun too
            asked = time.monotonic()
            await http.delete(f"{base}/jobs/{job}")
            while not (folder / "effects").exists() and time.monotonic() < asked + 20:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.005)
            seconds.append(time.monotonic() - asked)
    return seconds


async def _over_limit(made: Processes) -> str:
    base = made.replica.base
    async with httpx2.AsyncClient(timeout=20, trust_env=False) as http:
        job = await _submitted(http, base, "too_slow")
        return str((await _until(http, base, job, "failed"))["message"])


async def _hidden(made: Processes) -> tuple[bool, int]:
    """Whether nothing was found, and how much was looked through."""
    base = made.replica.base
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx2.AsyncClient(timeout=20, trust_env=False, headers=bearer) as http:
        job = await _submitted(http, base, "work", seconds=1.0, secret=SECRET)
        await _until(http, base, job, "running")
        await asyncio.sleep(0.8)  # its progress is in the store too
        seen = repr(made.valkey.everything()).encode()
        asking = await _submitted(http, base, "greet", hello=SECRET)
        await _until(http, base, asking, "input_required")
        await _until(http, base, job, "completed")
    seen += repr(made.valkey.everything()).encode()
    return not any(clear.encode() in seen for clear in (SECRET, TOKEN, "Your name?")), len(seen)


async def _submitted(http: httpx2.AsyncClient, base: str, tool: str, **arguments: object) -> str:
    answer = await http.post(f"{base}/jobs", json={"tool": tool, "arguments": arguments})
    return str(answer.json()["job_id"])


async def _until(http: httpx2.AsyncClient, base: str, job: str, *states: str) -> dict[str, object]:
    deadline = time.monotonic() + 60
    while True:
        found = dict((await http.get(f"{base}/jobs/{job}/status")).json())
        if found["state"] in states or time.monotonic() > deadline:
            return found
        await asyncio.sleep(0.02)


def _overhead(folder: Path, jobs: int) -> Outcome:
    """In turn, in one run: the better of two each, so that neither has the quieter machine."""
    valkey = Valkey(folder / "valkey", appendfsync="always")
    best: dict[str, dict[str, float]] = {}
    try:
        for way in ("bare", "ours", "bare", "ours"):
            command = [sys.executable, "-m", "lab.jobs.speed", valkey.admin_url, str(jobs), way]
            ran = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
            )
            figures = json.loads(ran.stdout)
            before = best.get(way, figures)
            best[way] = {name: min(before[name], figures[name]) for name in figures}
    finally:
        valkey.end()
    shown = {
        f"{name}, {title}": f"{best[way][name]:.2f}"
        for name in best["bare"]
        for way, title in (("bare", "bare Docket"), ("ours", "a job here"))
    }
    rate = {
        f"jobs/s, {title}": f"{1000 / best[way]['run through, ms a job']:.0f}"
        for way, title in (("bare", "bare Docket"), ("ours", "here"))
    }
    times = best["ours"]["CPU, ms a job"] / best["bare"]["CPU, ms a job"]
    return Outcome(
        "A job's CPU is at most "
        f"{MAX_OVERHEAD:g} times that of bare Docket's: checked, sealed, owned, limited, told of",
        times <= MAX_OVERHEAD,
        {"jobs": str(jobs), "CPU, in times of bare Docket's": f"{times:.1f}", **shown, **rate},
    )


PROOF = Proof("Long work", run)
