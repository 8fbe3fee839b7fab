"""Fixtures for the examples: a folder of files, allowed hosts, a client, real databases."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastmcp import Client

from lab.postgres import run
from mcp_swarm.config import _load, load
from server import mcp_app


@pytest.fixture(autouse=True)
def own_settings() -> Iterator[None]:
    """Settings are read anew in each test, and left as they were."""
    _load.cache_clear()
    yield
    _load.cache_clear()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that FILES_ROOT names; its parent holds a file that nobody may read."""
    folder = tmp_path / "root"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("SECRET")
    monkeypatch.setenv("FILES_ROOT", str(folder))
    return folder


@pytest.fixture
def allow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets MCP_OUTBOUND_HOSTS."""

    def set_hosts(*entries: str) -> None:
        monkeypatch.setenv("MCP_OUTBOUND_HOSTS", ",".join(entries))
        _load.cache_clear()

    return set_hosts


@asynccontextmanager
async def served() -> AsyncIterator[Client[Any]]:
    """A client of a server with the examples, and the way out closed afterwards."""
    from mcp_swarm import http

    async with Client(mcp_app.build(load())) as client:
        yield client
    await http.close()


@pytest.fixture
def server() -> Callable[[], Any]:
    """``async with server() as client``: the examples through the protocol."""
    return served


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """``filled(url)``: the URL, its database created and filled as a server's start does."""
    from mcp_swarm import database

    done: set[str] = set()

    def fill(url: str) -> str:
        async def start() -> None:
            await database.start(url, samples=True)
            await database.stop()

        if url not in done:
            asyncio.run(start())
            done.add(url)
        return url

    return fill


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory, filled: Callable[[str], str]) -> Path:
    """A SQLite file with the sample data, to copy."""
    path = tmp_path_factory.mktemp("sales") / "filled.db"
    filled(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.processes)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with the sample data, this test's own, of each kind."""
    if request.param == "sqlite":
        copy = shutil.copy(request.getfixturevalue("sqlite_file"), tmp_path / "sales.db")
        return f"sqlite+aiosqlite:///{copy}"
    postgres: str = request.getfixturevalue("postgres")
    request.getfixturevalue("filled")(postgres.format("postgres"))
    name = f"sales_{uuid4().hex}"
    create = f'CREATE DATABASE "{name}" TEMPLATE postgres'
    asyncio.run(run(postgres.format("template1"), create))
    return postgres.format(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    """The tools' database, open; its URL."""
    from mcp_swarm import database

    await database.start(database_url)
    yield database_url
    await database.stop()
