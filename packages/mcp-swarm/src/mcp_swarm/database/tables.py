"""Creates the declared schemas and tables at the start, and fills the new ones once."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

logger = logging.getLogger(__name__)

Seed = Callable[["AsyncSession"], Awaitable[None]]

# The PostgreSQL lock under which replicas that start together create tables, one after another.
_SCHEMA_LOCK = 0x6D637073


@dataclass(frozen=True)
class Declared:
    """The tables of a module, and the functions that fill new ones."""

    metadata: "MetaData"
    seed: Seed | None = None
    samples: Seed | None = None


async def create(engine: "AsyncEngine", declared: Sequence[Declared], *, samples: bool) -> None:
    """Creates and fills the tables in one transaction, for which other replicas wait."""
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import AsyncSession

    async with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})"))
        elif engine.dialect.name == "sqlite":
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
        # Checked before anything is created: two modules may declare the same tables.
        new = [one for one in declared if await connection.run_sync(_is_new, one.metadata)]
        for one in declared:
            await connection.run_sync(_create, one.metadata)
        for one in new:
            for fill in (one.seed, one.samples if samples else None):
                if fill is not None:
                    async with AsyncSession(connection) as session:
                        await fill(session)
                        await session.flush()
        await connection.commit()
    if samples and any(one.samples for one in new):
        logger.info("the tables are new: example rows are in them now")


def _is_new(connection: "Connection", metadata: "MetaData") -> bool:
    """Returns whether none of the tables exists, in any schema."""
    from sqlalchemy import inspect

    found = inspect(connection)
    renamed = connection.get_execution_options().get("schema_translate_map", {})
    return not any(
        found.has_table(table.name, schema=renamed.get(table.schema, table.schema))
        for table in metadata.tables.values()
    )


def schemas(declared: Sequence[Declared]) -> set[str]:
    """Returns the names of the schemas that the tables are in."""
    return {
        table.schema
        for one in declared
        for table in one.metadata.tables.values()
        if table.schema is not None
    }


def _create(connection: "Connection", metadata: "MetaData") -> None:
    from sqlalchemy import inspect
    from sqlalchemy.schema import CreateSchema

    if connection.dialect.name == "postgresql":  # SQLite has none to create
        existing = inspect(connection).get_schema_names()
        named = {table.schema for table in metadata.tables.values() if table.schema}
        for schema in sorted(named.difference(existing)):
            connection.execute(CreateSchema(schema))
    metadata.create_all(connection)
