"""A cancelled call's transaction ends at once, whatever it was doing, and not when the garbage collector runs."""

import asyncio
import gc
import time
from contextlib import asynccontextmanager, suppress

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, event, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from lab.postgres import new_database
from mcp_swarm.database.engine import Database

FREE = 5.0  # seconds a busy machine may take; the lock of a lost transaction stays for good
metadata = MetaData()
customer = Table("customer", metadata, Column("id", Integer, primary_key=True))
sale = Table("sale", metadata, Column("id", Integer, primary_key=True))

# One that a database computes for half a minute.
LONG = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000000) "
    "SELECT count(*) FROM n"
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.processes)])
async def url(request, tmp_path):
    """A database of each kind with fifty customers."""
    if request.param == "sqlite":
        made = f"sqlite+aiosqlite:///{tmp_path}/sales.db"
    else:
        made = await new_database(request.getfixturevalue("postgres"))
    database = Database(made)
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.execute(insert(customer), [{"id": one} for one in range(50)])
    await database.close()
    return made


@pytest.fixture(autouse=True)
def no_garbage_collector():
    """It would end a lost transaction sooner or later."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@asynccontextmanager
async def opened(url):
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


async def write(session, batches=3):
    """A transaction of several statements that read and write."""
    for start in range(batches):
        (await session.execute(select(customer.c.id))).all()
        rows = [{"id": start * 10 + one} for one in range(10)]
        await session.execute(insert(sale), rows)


async def cancelled(engine, session, statement, again=0, pause=0):
    """Runs a transaction, cancels it when the driver is given this statement, and `again` after that."""
    number = 0

    async def cancel(task):
        for _ in range(again):
            task.cancel()
            for _ in range(pause):
                await asyncio.sleep(0)

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def count(*_):
        nonlocal number
        number += 1
        if number == statement:
            task = asyncio.current_task()
            task.cancel()
            cancelling.append(asyncio.create_task(cancel(task)))

    async def call():
        async with session() as opened:
            await write(opened)

    cancelling = []
    calling = asyncio.create_task(call())
    with suppress(asyncio.CancelledError):
        await calling
    assert calling.cancelled()
    await asyncio.gather(*cancelling)
    event.remove(engine.sync_engine, "before_cursor_execute", count)


async def can_write(url, seconds=FREE):
    """Whether somebody else can write the same rows within these seconds."""
    options = {"timeout": 0} if url.startswith("sqlite") else {}
    other = create_async_engine(url, connect_args=options)
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            with suppress(DBAPIError, TimeoutError):
                async with asyncio.timeout(seconds), AsyncSession(other) as session:
                    await write(session)
                    return True
            await asyncio.sleep(0.02)
        return False
    finally:
        await other.dispose()


@pytest.mark.parametrize("again", [0, 1, 2])
@pytest.mark.parametrize("pause", [0, 1, 3])
@pytest.mark.parametrize("statement", [2, 3, 4], ids=["write", "read", "write again"])
async def test_a_cancelled_transaction_ends(url, statement, again, pause):
    """Cancelled at any statement, and once or twice more while it ends."""
    async with opened(url) as database:
        await cancelled(database.engine, database.session, statement, again, pause)
        assert await can_write(url)


async def test_its_connection_is_used_on(url):
    """The pool is not short of one, and what was written is gone."""
    async with opened(url) as database:
        for statement in (2, 3, 4) * 3:
            await cancelled(database.engine, database.session, statement)
        async with database.session() as session:
            assert (await session.execute(select(sale))).all() == []
            await write(session)


async def test_a_long_statement_is_interrupted(url):
    """Its transaction does not wait until the statement has computed its result."""
    async with opened(url) as database:

        async def call():
            async with database.session() as session:
                await session.execute(insert(sale), [{"id": 1}])
                written.set()
                await session.execute(text(LONG))

        written = asyncio.Event()
        calling = asyncio.create_task(call())
        await written.wait()
        await asyncio.sleep(0.2)  # the database computes
        calling.cancel()
        await asyncio.wait({calling}, timeout=FREE)
        assert calling.done()
        assert await can_write(url)


async def test_sqlalchemy_alone_leaves_it_open(tmp_path):
    """The control: it closes the connection while a cursor refers to it, and the lock stays."""
    url = f"sqlite+aiosqlite:///{tmp_path}/sales.db"
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.execute(insert(customer), [{"id": one} for one in range(50)])
    await cancelled(engine, lambda: AsyncSession(engine), statement=3)
    assert not await can_write(url, seconds=0.5)
    gc.collect()
    assert await can_write(url)
    await engine.dispose()
