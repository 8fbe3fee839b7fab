"""Replicas and workers on one Valkey, and an HTTP client that follows jobs."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lab.postgres import new_database
from lab.replica import Replica

SAMPLE = ("lab.jobs.sample",)
SECONDS_TO_SETTLE = 40.0
CALLERS = "\n".join(
    f"- sha256: {hashlib.sha256(f'token-{who}'.encode()).hexdigest()}\n"
    f"  client: client-{who}\n  tenant: tenant-{who}"
    for who in "ab"
)


@dataclass
class Team:
    """Replicas and workers that share a queue."""

    make: Callable[..., Replica]
    settings: dict[str, Any]

    def replica(self, **options: Any) -> Replica:
        """One that serves; it runs no jobs."""
        return self.make(**{"packages": SAMPLE, **self.settings, **options})

    def worker(self, **options: Any) -> Replica:
        """One that runs jobs and serves nothing."""
        return self.make(**{"packages": SAMPLE, "worker": True, **self.settings, **options})


@pytest.fixture
def team(replica, valkey, key) -> Team:
    """Starts replicas and workers on this test's Valkey; a dead worker is noticed in two seconds."""
    return Team(
        replica,
        {
            "REDIS_URL": valkey.url,
            "MCP_REQUEST_STATE_KEYS": key,
            "MCP_TASK_REDELIVERY_SECONDS": 2,
        },
    )


class Follower:
    """A caller of /jobs, as with curl."""

    def __init__(self, http: httpx2.AsyncClient, **headers: str) -> None:
        self.http = http
        self.headers = headers

    async def submit(self, at: Replica, tool: str, key: str = "", **arguments: Any) -> str:
        """The id of a new job."""
        answer = await self.post(at, tool, key, **arguments)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    async def post(
        self, at: Replica, tool: str, key: str = "", **arguments: Any
    ) -> httpx2.Response:
        """`key` is the idempotency key."""
        body = {"tool": tool, "arguments": arguments}
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return await self.http.post(f"{at.base}/jobs", json=body, headers=headers)

    async def status(self, at: Replica, job: str) -> dict[str, Any]:
        answer = await self.http.get(f"{at.base}/jobs/{job}/status", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def until(self, at: Replica, job: str, *states: str) -> dict[str, Any]:
        """Its status once it is in one of these states; by default, once it has ended."""
        wanted = states or ("completed", "failed", "cancelled")
        deadline = time.monotonic() + SECONDS_TO_SETTLE
        while (found := await self.status(at, job))["state"] not in wanted:
            assert time.monotonic() < deadline, f"still {found}. Its log:\n{at.log[-3000:]}"
            await asyncio.sleep(0.05)
        return found

    async def until_it_says(self, at: Replica, job: str, words: str) -> dict[str, Any]:
        """Its status once its message has these words."""
        deadline = time.monotonic() + SECONDS_TO_SETTLE
        while words not in (found := await self.status(at, job)).get("message", ""):
            assert time.monotonic() < deadline, f"still {found}. Its log:\n{at.log[-3000:]}"
            await asyncio.sleep(0.05)
        return found

    async def result(self, at: Replica, job: str) -> dict[str, Any]:
        answer = await self.http.get(f"{at.base}/jobs/{job}/result", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def text(self, at: Replica, job: str) -> str:
        """The text of its result, once it has ended."""
        await self.until(at, job)
        return str((await self.result(at, job))["content"][0]["text"])


@pytest.fixture
async def curl(http: httpx2.AsyncClient) -> AsyncIterator[Follower]:
    """A caller without a token."""
    yield Follower(http)


@pytest.fixture
def authed(team: Team, tmp_path: Path) -> Team:
    """The team, for two callers with tokens, of a tenant each."""
    (tmp_path / "callers.yml").write_text(CALLERS)
    team.settings |= {"AUTH_ENABLED": "true", "AUTH_TOKENS_FILE": tmp_path / "callers.yml"}
    return team


@pytest.fixture
def a(http: httpx2.AsyncClient) -> Follower:
    """One of them."""
    return Follower(http, Authorization="Bearer token-a")


@pytest.fixture
def b(http: httpx2.AsyncClient) -> Follower:
    """The other one."""
    return Follower(http, Authorization="Bearer token-b")


def effects(folder: Path) -> list[str]:
    """What the sample tools have noted there."""
    file = folder / "effects"
    return file.read_text().splitlines() if file.exists() else []


async def noted(folder: Path, count: int) -> None:
    """Returns once the sample tools have noted so much."""
    deadline = time.monotonic() + SECONDS_TO_SETTLE
    while len(found := effects(folder)) < count:
        assert time.monotonic() < deadline, f"only {found}"
        await asyncio.sleep(0.02)


async def there(file: Path) -> None:
    """Returns once there is such a file."""
    deadline = time.monotonic() + SECONDS_TO_SETTLE
    while not file.exists():  # noqa: ASYNC240 - at once
        assert time.monotonic() < deadline, f"no {file.name}"
        await asyncio.sleep(0.02)


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """A database of PostgreSQL of this test's own."""
    return asyncio.run(new_database(postgres))
