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
SECONDS_TO_BE_BACK = 30.0
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


class Trouble(Protocol):
    """What is done to the service; each returns when it is done."""

    def kill_worker(self, name: str) -> None:
        """SIGKILL of the worker of this name, and another in its place."""

    def roll_workers(self) -> None:
        """Each is replaced by a new one, by SIGTERM."""

    def restart_redis(self) -> None:
        """Gone, and back with what it had kept."""


@dataclass
class Books:
    """What came of it.

    Attributes:
        submitted: jobs. each: seconds that one takes.
        results: of each job, by its number.
        starts: job and time of each, oldest first. effects: job and number.
        killed, away, rolled: when the worker was killed, how many seconds the restart of Redis
            took, when the roll of the workers began.
        seconds: from the first submission to the last result.
    """

    submitted: int
    each: float
    results: dict[str, Any] = field(default_factory=dict)
    starts: list[tuple[str, float]] = field(default_factory=list)
    effects: list[tuple[str, int]] = field(default_factory=list)
    killed: float = 0.0
    away: float = 0.0
    rolled: float = 0.0
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

    @property
    def restarts(self) -> list[float]:
        """Of each job that ran at the kill and was begun again: seconds from the one to the other."""
        times: dict[str, list[float]] = {}
        for job, at in self.starts:
            times.setdefault(job, []).append(at)
        ran = [at for at in times.values() if len(at) > 1 and at[0] <= self.killed < at[1]]
        return [at[1] - self.killed for at in ran]

    @property
    def slowest_restart(self) -> float:
        """The longest of them; 0 if there is none."""
        return max(self.restarts, default=0.0)

    @property
    def rolled_in_mid_work(self) -> int:
        """Jobs that waited or ran when the roll of the workers began."""
        last = dict(self.starts)
        return sum(at + self.each > self.rolled for at in last.values())

    def wrong(self, redelivery: float) -> list[str]:
        """What was not as it must be, in words; `redelivery` is the setting, in seconds."""
        latest = latest_restart(redelivery) + self.away
        found = {
            f"{self.right} of {self.submitted} results are right": self.right == self.submitted,
            "an effect is missing or was committed twice": self.effects_once,
            "the killed worker ran nothing": bool(self.restarts),
            f"a job began again only after {self.slowest_restart:.1f} s, not {latest:.1f}": (
                self.slowest_restart <= latest
            ),
            "all was done before the workers were rolled": self.rolled_in_mid_work > 0,
        }
        return [words for words, holds in found.items() if not holds]


def latest_restart(redelivery: float) -> float:
    """Seconds from a worker's death to the new start of its jobs, at most, while Redis is there.

    So long is it silent before it is held for dead; a sweep comes every quarter of that, a quarter
    more or less, and who finds another worker sweeping waits for another turn; a worker that has
    just found Redis again may pause for a second. Two more for a busy machine.
    """
    return redelivery * (1 + 2 * 1.25 / 4) + 1 + 2


async def storm(
    base: str, trouble: Trouble, jobs: int, seconds: float, headers: dict[str, str] | None = None
) -> Books:
    """Submits `jobs` of `seconds` each, makes all the trouble in the middle, waits for the end.

    The last fifth comes just before the roll of the workers, which so meets work, however long
    Redis was away.
    """
    began = time.monotonic()
    async with httpx2.AsyncClient(timeout=20, trust_env=False, headers=headers or {}) as http:
        early = jobs - jobs // 5
        ids = [await _submit(http, base, number, seconds) for number in range(early)]
        books = Books(jobs, seconds)
        await _until_done(http, base, ids, jobs // 5)
        victim = await _at_work(http, base, seconds)
        books.killed = time.time()
        await asyncio.to_thread(trouble.kill_worker, victim)
        gone = time.time()
        await asyncio.to_thread(trouble.restart_redis)
        books.away = time.time() - gone
        ids += [await _submit(http, base, number, seconds) for number in range(early, jobs)]
        books.rolled = time.time()
        await asyncio.to_thread(trouble.roll_workers)
        await _until_done(http, base, ids, jobs)
        for number, job in enumerate(ids):
            answer = await http.get(f"{base}/jobs/{job}/result")
            content = answer.json().get("structuredContent") or {}
            books.results[str(number)] = content.get("result")
        reported = await ledger(http, base)
    books.seconds = time.monotonic() - began
    books.starts = sorted(
        ((job, at) for job, at, _ in reported["starts"]), key=lambda start: start[1]
    )
    books.effects = [(job, number) for job, number in reported["effects"]]
    return books


async def _submit(http: httpx2.AsyncClient, base: str, number: int, seconds: float) -> str:
    body = {"tool": "book", "arguments": {"number": number, "seconds": seconds}}
    headers = {"Idempotency-Key": f"{base} {number}"}
    deadline = time.monotonic() + SECONDS_TO_BE_BACK
    while True:  # a replica may find out a moment late that Redis is back; the key makes it one job
        answer = await http.post(f"{base}/jobs", json=body, headers=headers)
        if answer.status_code == 202:
            return str(answer.json()["job_id"])
        assert answer.status_code == 503 and time.monotonic() < deadline, answer.text
        await asyncio.sleep(0.5)


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


async def _at_work(http: httpx2.AsyncClient, base: str, seconds: float) -> str:
    """A worker that has just begun a job, of `seconds`: it is in its midst if it is killed now."""
    deadline = time.monotonic() + SECONDS_TO_END
    while True:
        job, at, worker = max((await ledger(http, base))["starts"], key=lambda start: start[1])
        if time.time() - at < seconds / 2:
            return str(worker)
        assert time.monotonic() < deadline, f"nothing was begun after {job}"
        await asyncio.sleep(0.02)


async def ledger(http: httpx2.AsyncClient, base: str) -> dict[str, Any]:
    """All starts (job, when, worker) and all effects (job, number)."""
    params = {"name": "ledger", "arguments": {}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    answer = await http.post(f"{base}/mcp", json=body, headers=HEADERS)
    found: dict[str, Any] = answer.json()["result"]["structuredContent"]
    return found
