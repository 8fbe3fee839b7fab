"""Replicas as real processes, and HTTP clients that talk to them."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lab import postgres as postgreses
from lab import replica as replicas
from lab import valkey as valkeys
from lab.replica import Replica
from lab.valkey import Valkey

Start = Callable[..., Replica]


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Start]:
    """Starts replicas: `replica(MCP_PORT=…, packages=…, without=…)`, ready unless `ready=False`."""
    started: list[Replica] = []

    def start(ready: bool = True, **options: Any) -> Replica:
        made = replicas.start(tmp_path / f"replica-{len(started)}", **options)
        started.append(made)
        if ready:
            made.wait_until_ready()
        return made

    yield start
    for made in started:
        made.end()


@pytest.fixture(scope="module")
def shared_replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """The same for tests that leave a replica as it was: one for each set of options in a file."""
    started: dict[str, Replica] = {}

    def start(**options: Any) -> Replica:
        asked = repr(sorted(options.items()))
        if asked not in started:
            started[asked] = replicas.start(tmp_path_factory.mktemp("replica"), **options)
            started[asked].wait_until_ready()
        return started[asked]

    yield start
    for made in started.values():
        made.end()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Start]:
    """Starts replicas by a command line: `fresh("-m", "server", MCP_PORT=…)`; not ready yet."""
    started: list[Replica] = []

    def start(*command: str, **options: Any) -> Replica:
        made = replicas.run(tmp_path / f"fresh-{len(started)}", *command, **options)
        started.append(made)
        return made

    yield start
    for made in started:
        made.end()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """One replica at default settings for all tests that leave it as it was."""
    made = replicas.start(tmp_path_factory.mktemp("shared"))
    try:
        made.wait_until_ready()
        yield made
    finally:
        made.end()


@pytest.fixture(scope="session")
def streaming(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """The same, streaming instead of answering in JSON only."""
    made = replicas.start(tmp_path_factory.mktemp("streaming"), MCP_JSON_RESPONSE="false")
    try:
        made.wait_until_ready()
        yield made
    finally:
        made.end()


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client that keeps its connections."""
    async with httpx2.AsyncClient(timeout=60, verify=False, trust_env=False) as client:
        yield client


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A real Valkey of this test's own."""
    with valkeys.serving(tmp_path / "valkey") as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real PostgreSQL for this run; its URL, with ``{}`` for a database's name."""
    with postgreses.serving() as url:
        yield url


@pytest.fixture
def service(replica: Start, valkey: Valkey, key: str) -> Start:
    """Starts replicas of one service, which share this test's Valkey and keys."""

    def start(**options: Any) -> Replica:
        return replica(**{"REDIS_URL": valkey.url, "MCP_REQUEST_STATE_KEYS": key, **options})

    return start


@pytest.fixture
def key() -> str:
    """A fresh key for MCP_REQUEST_STATE_KEYS."""
    return secrets.token_hex(32)
