"""The tools' database, ``DATABASE_URL``: SQLite on a laptop, PostgreSQL for many replicas.

A tool module says once, at import, what tables it needs, and opens a session in each call:

    database.declare(Base.metadata, seed=sample_data)

    async with database.session() as session:
        ...                                   # committed at the end, rolled back on an error

Nothing is connected, and no driver imported, unless a module declared something.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from server.core.errors import StartError

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

logger = logging.getLogger(__name__)

Seed = Callable[["AsyncSession"], Awaitable[None]]

# Replicas that start together take turns at creating tables under this PostgreSQL lock.
_SCHEMA_LOCK = 0x6D637073

# Connections a replica may hold: 20 replicas stay below PostgreSQL's default of 100 (module
# "Load Balancing & Scaling": instances times connections must fit the database).
POOL_SIZE = 4


@dataclass
class _Database:
    """What was declared, and the engine once it is open."""

    declared: "list[tuple[MetaData, Seed | None]]" = field(default_factory=list)
    engine: "AsyncEngine | None" = None
    sessions: "async_sessionmaker[AsyncSession] | None" = None


_database = _Database()


def declare(metadata: "MetaData", seed: Seed | None = None) -> None:
    """Says that `metadata`'s tables are needed, and how to fill them while they are new.

    Args:
        metadata: of SQLAlchemy; created at start-up where missing, never altered.
        seed: called with a session once, by the replica that created the tables.
    """
    _database.declared.append((metadata, seed))


@asynccontextmanager
async def session() -> "AsyncIterator[AsyncSession]":
    """A session in one transaction: committed at the end of the block, rolled back on an error.

    Raises:
        RuntimeError: used before the server has started.
    """
    if _database.sessions is None:
        raise RuntimeError("the database is not open: database.start() runs at the server's start")
    async with _database.sessions() as opened, opened.begin():
        yield opened


async def start(url: str, patience: float = 20.0) -> None:
    """Opens the engine and creates and seeds what was declared; nothing if nothing was.

    Args:
        url: of SQLAlchemy, with an async driver.
        patience: seconds to wait for a server that is still starting itself.

    Raises:
        StartError: the URL cannot be used, or nothing answers there.
    """
    if not _database.declared:
        return
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError
    from sqlalchemy.ext.asyncio import async_sessionmaker

    try:
        engine = _engine(url)
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise StartError(_cannot(url, error)) from error
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        try:
            await _create(engine)
            break
        except (OSError, SQLAlchemyError) as error:
            gone = isinstance(error, OSError) or (
                isinstance(error, DBAPIError) and error.connection_invalidated
            )
            starting_up = gone or type(getattr(error, "orig", None)).__name__ in _STARTING_UP
            if not starting_up or asyncio.get_running_loop().time() > deadline:
                await engine.dispose()
                raise StartError(_cannot(url, error)) from error
            logger.info("the database does not answer yet: %s", type(error).__name__)
            await asyncio.sleep(1)
    _database.engine = engine
    _database.sessions = async_sessionmaker(engine, expire_on_commit=False)


async def stop() -> None:
    """Closes the engine and its connections."""
    if _database.engine is not None:
        await _database.engine.dispose()
    _database.engine = _database.sessions = None


# asyncpg's class for "the database system is starting up", as SQLAlchemy wraps it.
_STARTING_UP = {"CannotConnectNowError", "ConnectionRefusedError"}


def _engine(url: str) -> "AsyncEngine":
    from sqlalchemy import event
    from sqlalchemy.ext.asyncio import create_async_engine

    if not url.startswith("sqlite"):
        # A connection that a restarted server dropped is noticed before it is used.
        return create_async_engine(url, pool_size=POOL_SIZE, max_overflow=0, pool_pre_ping=True)
    engine = create_async_engine(url, connect_args={"timeout": 10})

    @event.listens_for(engine.sync_engine, "connect")
    def _share(connection: "object", _record: object) -> None:
        # Readers of other replicas go on while one writes; aiosqlite's default would lock them.
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    return engine


async def _create(engine: "AsyncEngine") -> None:
    """Creates and seeds in one transaction that other replicas wait for."""
    from sqlalchemy import inspect, text
    from sqlalchemy.ext.asyncio import AsyncSession

    async with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})"))
        elif engine.dialect.name == "sqlite":
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
        for metadata, seed in _database.declared:
            existing = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
            await connection.run_sync(metadata.create_all)
            if seed and not set(metadata.tables) & set(existing):
                async with AsyncSession(connection) as seeding:
                    await seed(seeding)
                    await seeding.flush()
                    logger.info("the database was new: sample data is in it now")
        await connection.commit()


def _cannot(url: str, error: Exception) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        shown = make_url(url).render_as_string(hide_password=True)
    except (SQLAlchemyError, ValueError):  # ValueError: a port that is no number
        return (
            "DATABASE_URL is not a database URL. Expected "
            "postgresql+asyncpg://user:password@host/name or sqlite+aiosqlite:///file."
        )
    reason = str(getattr(error, "orig", None) or error).splitlines()[0].rstrip(".")
    return (
        f"DATABASE_URL {shown} cannot be used: {reason}. Expected a database that answers there, "
        "by an async driver (postgresql+asyncpg, sqlite+aiosqlite). Next: correct the URL or "
        "start the database."
    )
