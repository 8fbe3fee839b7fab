"""The SQLAlchemy engine of ``DATABASE_URL`` and its sessions, adapted to each kind of database."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import ExceptionContext, event, make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from mcp_swarm.database.availability import Availability, Call, UnavailableError

# Connections of a replica. 20 replicas stay below PostgreSQL's default of 100.
POOL_SIZE = 4

# Seconds that an idle connection may take to answer a ping before it is replaced.
PING_SECONDS = 0.5


class Database:
    """An engine, and sessions on it.

    Args:
        url: of SQLAlchemy, with an async driver.
        schemas: of the tables. SQLite has no schemas: there all tables are in one.
    """

    def __init__(self, url: str, schemas: Collection[str] = ()) -> None:
        if url.startswith("sqlite"):
            beside = dict.fromkeys(schemas)
            self.engine = _sqlite(url).execution_options(schema_translate_map=beside)
            self._availability = None
        elif _can_be_watched(url):
            self.engine = _postgresql(url)
            self._availability = Availability(_connect(self.engine), POOL_SIZE)
            _watch(self.engine, self._availability)
        else:
            self.engine = create_async_engine(
                url, pool_size=POOL_SIZE, max_overflow=0, pool_pre_ping=True
            )
            self._availability = None
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Opens a session in one transaction.

        Raises:
            UnavailableError: the database does not answer.
        """
        if self._availability is None:
            async with self._sessions() as session:
                yield session
                # Not `session.begin()`: a second cancellation interrupts its rollback, and then
                # the transaction stays open. A session's close is shielded from it.
                await session.commit()
            return
        async with self._availability.call() as call:
            connection, is_committing = None, False
            try:
                async with self._sessions() as session:
                    connection = await _connected(session, call)
                    yield session
                    is_committing = True
                    await session.commit()
            except Exception as error:
                if connection is None or not connection.is_closed():
                    raise
                self._availability.suspect()
                raise UnavailableError(
                    "it closed the connection", outcome_is_unknown=is_committing
                ) from error

    async def close(self) -> None:
        """Closes all connections."""
        if self._availability is not None:
            await self._availability.close()
        await self.engine.dispose()


def _can_be_watched(url: str) -> bool:
    return make_url(url).drivername == "postgresql+asyncpg"


def _sqlite(url: str) -> AsyncEngine:
    engine = create_async_engine(url, connect_args={"timeout": 10})

    @event.listens_for(engine.sync_engine, "connect")
    def _share(connection: Any, _record: object) -> None:
        # Readers of other replicas go on while one writes; aiosqlite's default would lock them.
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "handle_error")
    def _keep(context: ExceptionContext) -> None:
        # SQLAlchemy closes the connection of a cancelled statement. SQLite keeps the transaction
        # of a closed connection open while a cursor refers to it, until the garbage collector
        # runs. The driver does one thing after another, so the connection can be rolled back.
        if isinstance(context.original_exception, asyncio.CancelledError):
            context.is_disconnect = False
            if context.connection and context.execution_context:  # not while it commits
                context.connection.connection.run_async(_interrupt)

    return engine


async def _interrupt(connection: Any) -> None:
    """Interrupts the running statement, for which the rollback waits."""
    await connection.interrupt()


def _postgresql(url: str) -> AsyncEngine:
    engine = create_async_engine(url, pool_size=POOL_SIZE, max_overflow=0)

    @event.listens_for(engine.sync_engine, "checkout")
    def _ping(connection: Any, record: Any, _proxy: object) -> None:
        # pool_pre_ping would do it in three exchanges, and wait for a dead host without a limit.
        if record.info.setdefault("used", False):
            connection.run_async(_answers)
        record.info["used"] = True

    return engine


async def _answers(connection: Any) -> None:
    """Pings an idle connection.

    Raises:
        InvalidatePoolError: it does not answer; SQLAlchemy replaces it and those as old as it.
    """
    try:
        async with asyncio.timeout(PING_SECONDS):
            await connection.execute(";")
    except Exception as error:
        connection.terminate()
        raise InvalidatePoolError from error
    except asyncio.CancelledError:
        connection.terminate()  # SQLAlchemy would wait two seconds for a farewell
        raise


async def _connected(session: AsyncSession, call: Call) -> Any:
    """Connects the session now, and returns the driver's connection."""
    async with call.connecting():
        connection = await session.connection()
    return connection.sync_connection.connection.driver_connection  # type: ignore[union-attr]


def _watch(engine: AsyncEngine, availability: Availability) -> None:
    @event.listens_for(engine.sync_engine, "connect", insert=True)  # before what may hang
    def _note(connection: Any, _record: object) -> None:
        availability.note(connection.driver_connection)


def _connect(engine: AsyncEngine) -> Any:
    """Returns a function that opens a connection to the same database, outside of the pool."""
    import asyncpg

    _, given = engine.dialect.create_connect_args(engine.url)
    known = inspect.signature(asyncpg.connect).parameters
    wanted = {name: value for name, value in given.items() if name in known}  # not SQLAlchemy's own

    async def connect() -> Any:
        return await asyncpg.connect(**wanted)

    return connect
