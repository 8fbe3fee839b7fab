"""Declared tables are created and filled once, in whatever schema they are."""

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select, text

from lab.postgres import new_database, run
from mcp_swarm import database
from mcp_swarm.config import Settings


@pytest.fixture
def declared(monkeypatch):
    """Declares tables for this test only."""
    monkeypatch.setattr(database, "_declared", [])
    return database.declare


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.processes)])
async def url(request, tmp_path):
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/new.db"
    return await new_database(request.getfixturevalue("postgres"))


def table(name, metadata=None, **options):
    return Table(name, metadata or MetaData(), Column("id", Integer, primary_key=True), **options)


def rows(made, *ids):
    """Fills `made` with rows of these ids."""

    async def fill(session):
        await session.execute(insert(made), [{"id": one} for one in ids])

    return fill


async def started(url, **options):
    """One start and stop of the server's database, as of a replica."""
    await database.start(url, **options)
    await database.stop()


async def ids(url, *tables):
    """What is in the tables by now."""
    await database.start(url)
    async with database.session() as session:
        found = [list(await session.scalars(select(one.c.id).order_by(one.c.id))) for one in tables]
    await database.stop()
    return found


async def test_tables_in_schemas_of_their_own_are_filled_once(declared, postgres):
    """Also where a schema is not there yet, and needs quotes. Each start after that changes nothing."""
    metadata = MetaData(schema="Shop floor")
    made = [table("item", metadata), table("item", metadata, schema="archive")]
    other = table("order")

    async def fill(session):
        for one in made:
            await rows(one, 1, 2)(session)

    declared(metadata, fill)
    declared(other.metadata, rows(other, 7))
    where = await new_database(postgres)
    for _ in range(3):
        await started(where)
    assert await ids(where, *made, other) == [[1, 2], [1, 2], [7]]


async def test_a_table_elsewhere_of_the_same_name_is_another(declared, postgres):
    """One in the default schema does not stand for the one in the named schema, nor the reverse."""
    where = await new_database(postgres)
    await run(where, "CREATE TABLE item (id int)")
    made = table("item", schema="mine")
    declared(made.metadata, rows(made, 3))
    await started(where)
    assert await ids(where, made) == [[3]]


async def test_a_partitioned_table_that_is_there_is_not_filled(declared, postgres):
    """Whatever has the name is the table."""
    where = await new_database(postgres)
    await run(where, "CREATE TABLE item (id int) PARTITION BY RANGE (id)")
    made = table("item")
    declared(made.metadata, rows(made, 3))
    await started(where)
    assert await ids(where, made) == [[]]


async def test_two_modules_that_declare_the_same_tables_both_fill_them(declared, url):
    """The second is not told that the tables were there: the first has just made them."""
    made = table("item")
    declared(made.metadata, rows(made, 1))
    declared(made.metadata, rows(made, 2))
    await started(url)
    await started(url)
    assert await ids(url, made) == [[1, 2]]


@pytest.mark.parametrize("wanted", [True, False])
async def test_samples_come_only_where_they_are_wanted(declared, url, wanted):
    """A seed comes always."""
    made = table("item")
    declared(made.metadata, rows(made, 1), samples=rows(made, 100))
    await started(url, samples=wanted)
    assert await ids(url, made) == [[1, 100] if wanted else [1]]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, True),
        ({"database_url": "postgresql+asyncpg://u@db.internal/crm"}, False),
        ({"database_url": "sqlite+aiosqlite:///mine.db"}, False),
        ({"database_url": "sqlite+aiosqlite:///mine.db", "mcp_sample_data": "true"}, True),
        ({"mcp_sample_data": "false"}, False),
    ],
)
def test_samples_are_wanted_in_the_default_database_or_on_request(settings, wanted, monkeypatch):
    """A DATABASE_URL that a shell happens to have gets no rows."""
    for name, value in settings.items():
        monkeypatch.setenv(name.upper(), value)
    assert Settings().wants_samples is wanted


async def test_a_session_needs_no_declared_tables(declared, url):
    """For tables that somebody else made."""
    await database.start(url)
    async with database.session() as session:
        await session.execute(text("CREATE TABLE theirs (id int)"))
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(text("theirs"))) == 0
    await database.stop()


async def test_a_session_before_the_start_says_what_to_do(declared):
    """In a script or a test, where no server has been started."""
    with pytest.raises(RuntimeError, match=r"await database\.start\(url\)"):
        async with database.session():
            pass
