"""The tools' database, ``DATABASE_URL``: SQLite on a laptop, PostgreSQL for many replicas.

A tool module declares its tables at import, and opens a session in each call:

    database.declare(Base.metadata, samples=sample_data)

    async with database.session() as session:
        ...                                   # committed at the end, rolled back on an error

For tables that exist already, a session is enough. Without declarations and sessions, nothing connects
and no driver is imported.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mcp_swarm.app_values import AppValue
from mcp_swarm.database.tables import Declared, Seed, create, schemas
from mcp_swarm.errors import StartError

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.ext.asyncio import AsyncSession

    from mcp_swarm.database.engine import Database

logger = logging.getLogger(__name__)


# Of the modules that this process has imported.
_declared: list[Declared] = []
_url: AppValue[str] = AppValue()
_database: "AppValue[Database]" = AppValue()


def declare(metadata: "MetaData", seed: Seed | None = None, *, samples: Seed | None = None) -> None:
    """Declares tables, and functions that fill them once.

    Args:
        metadata: of SQLAlchemy; missing schemas and tables are created at the start, existing ones
            are never altered.
        seed: called once with a session, by the replica that created the tables.
        samples: the same for example rows, only with the default SQLite file or
            ``MCP_SAMPLE_DATA=true``.
    """
    _declared.append(Declared(metadata, seed, samples))


@asynccontextmanager
async def session() -> "AsyncIterator[AsyncSession]":
    """Opens a session in one transaction: committed at the end of the block, rolled back on an error.

    Raises:
        UnavailableError: the database does not answer; within two seconds.
        RuntimeError: used before the server has started.
    """
    opened = _database.get() or _open()
    async with opened.session() as session:
        yield session


async def start(url: str, *, samples: bool = False, timeout: float = 20.0) -> None:
    """Creates and fills the declared tables. Without declarations it does not connect.

    Args:
        url: of SQLAlchemy, with an async driver.
        samples: whether to add example rows.
        timeout: seconds to wait for a database that is still starting.

    Raises:
        StartError: the URL cannot be used, or nothing answers there.
    """
    _url.set(url)
    if not _declared:
        return
    from sqlalchemy.exc import SQLAlchemyError

    try:
        opened = _open()
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise StartError(_cannot(url, error)) from error
    deadline = asyncio.get_running_loop().time() + timeout
    while True:
        if await _created(opened, url, samples, deadline):
            return
        await asyncio.sleep(1)


async def _created(opened: "Database", url: str, samples: bool, deadline: float) -> bool:
    """Creates the tables; False if the database may still be starting."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        await create(opened.engine, _declared, samples=samples)
    except (OSError, SQLAlchemyError) as error:
        late = asyncio.get_running_loop().time() > deadline
        if late or not _may_be_starting(error):
            await stop()
            raise StartError(_cannot(url, error)) from error
        logger.info("the database does not answer yet: %s", type(error).__name__)
        return False
    return True


async def stop() -> None:
    """Closes the engine and its connections."""
    _url.take()
    opened = _database.take()
    if opened is not None:
        await opened.close()


def _open() -> "Database":
    from mcp_swarm.database.engine import Database

    if (url := _url.get()) is None:
        raise RuntimeError(
            "The database is not open: the server has not started. Next: open a session inside a "
            "tool, resource or prompt, or call `await database.start(url)` first, as in a test."
        )
    opened = Database(url, schemas(_declared))
    _database.set(opened)
    return opened


# asyncpg's class for "the database system is starting up", as SQLAlchemy wraps it.
_STARTING_UP = {"CannotConnectNowError", "ConnectionRefusedError"}


def _may_be_starting(error: Exception) -> bool:
    from sqlalchemy.exc import DBAPIError

    gone = isinstance(error, DBAPIError) and error.connection_invalidated
    starting = type(getattr(error, "orig", None)).__name__ in _STARTING_UP
    return isinstance(error, OSError) or gone or starting


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
    reason = (str(getattr(error, "orig", None) or error) or "no answer").splitlines()[0]
    return (
        f"DATABASE_URL {shown} cannot be used: {reason.rstrip('.')}. Expected a database that "
        "answers there, with an async driver (postgresql+asyncpg, sqlite+aiosqlite). Next: correct "
        "the URL or start the database."
    )
