"""Many jobs while their workers are killed and replaced and Redis restarts; then the books.

The same on real processes here and on a Swarm: what differs is `Trouble`.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx2

SECONDS_TO_END = 180.0
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


class Trouble(Protocol):
    """What is done to the service; each returns when it is done."""

    def kill_worker(self) -> None:
        """SIGKILL, and another in its place."""

    def roll_workers(self) -> None:
        """Each is replaced by a new one, by SIGTERM."""

    def restart_redis(self) -> None:
        """Gone, and back with what it had kept."""


@dataclass
class Books:
    """What came of it."""

    submitted: int
    results: dict[str, Any] = field(default_factory=dict)
    starts: list[tuple[str, float]] = field(default_factory=list)
    effects: list[tuple[str, int]] = field(default_factory=list)
    slowest_restart: float = 0.0
    seconds: float = 0.0

    @property
    def right(self) -> int:
        """Jobs whose result is the right one."""
        return sum(1 for number, result in self.results.items() if result == int(number))

    @property
    def effects_once(self) -> bool:
        """Whether each job has one effect, and no other job has any."""
        booked = Counter(job for job, _ in self.effects)
        return len(booked) == self.submitted and set(booked.values()) == {1}

    @property
    def begun_again(self) -> int:
        """Starts beyond the first, over all jobs."""
        return len(self.starts) - len({job for job, _ in self.starts})


async def storm(
    base: str, trouble: Trouble, jobs: int, seconds: float, headers: dict[str, str] | None = None
) -> Books:
    """Submits `jobs` of `seconds` each, makes all the trouble in the middle, waits for the end."""
    began = time.monotonic()
    async with httpx2.AsyncClient(timeout=20, trust_env=False, headers=headers or {}) as http:
        ids = [await _submit(http, base, number, seconds) for number in range(jobs)]
        books = Books(len(ids))
        await _until_done(http, base, ids, jobs // 5)
        killed = time.time()
        for step in (trouble.kill_worker, trouble.restart_redis, trouble.roll_workers):
            await asyncio.to_thread(step)
        await _until_done(http, base, ids, jobs)
        for number, job in enumerate(ids):
            answer = await http.get(f"{base}/jobs/{job}/result")
            content = answer.json().get("structuredContent") or {}
            books.results[str(number)] = content.get("result")
        told = await _ledger(http, base)
    books.seconds = time.monotonic() - began
    books.starts = [(job, at) for job, at in told["starts"]]
    books.effects = [(job, number) for job, number in told["effects"]]
    again = {job: at for job, at in books.starts if at > killed}
    before = {job for job, at in books.starts if at <= killed}
    lost = [again[job] - killed for job in before & set(again)]
    books.slowest_restart = max(lost, default=0.0)
    return books


async def _submit(http: httpx2.AsyncClient, base: str, number: int, seconds: float) -> str:
    body = {"tool": "book", "arguments": {"number": number, "seconds": seconds}}
    headers = {"Idempotency-Key": f"{base} {number}"}
    answer = await http.post(f"{base}/jobs", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


async def _until_done(http: httpx2.AsyncClient, base: str, ids: list[str], count: int) -> None:
    """Returns once `count` jobs have ended; a status that cannot be had is asked for again."""
    deadline = time.monotonic() + SECONDS_TO_END
    open_ones = list(ids)
    while len(ids) - len(open_ones) < count:
        for job in list(open_ones):
            try:
                answer = await http.get(f"{base}/jobs/{job}/status")
            except httpx2.HTTPError:
                continue
            state = answer.json().get("state") if answer.status_code == 200 else None
            if state in ("completed", "failed", "cancelled"):
                open_ones.remove(job)
            elif state == "queued":
                break  # those behind it in the queue are not done either, but for a few
        assert time.monotonic() < deadline, f"{len(open_ones)} of {len(ids)} jobs did not end"
        await asyncio.sleep(0.1)


async def _ledger(http: httpx2.AsyncClient, base: str) -> dict[str, Any]:
    params = {"name": "ledger", "arguments": {}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    answer = await http.post(f"{base}/mcp", json=body, headers=HEADERS)
    found: dict[str, Any] = answer.json()["result"]["structuredContent"]
    return found
