"""The tools' database is lost: who needs it gets an error within two seconds, and who does not is served.

A real PostgreSQL behind a port that hangs, refuses, or belongs to another host from now on.
"""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from lab.mcp_wire import ERAS, answer, call
from lab.postgres import new_database, wire
from mcp_swarm import database
from mcp_swarm.database.availability import UnavailableError
from mcp_swarm.database.engine import POOL_SIZE

STORING = ("lab.sample.storing", "lab.sample.tools")
# Seconds: two, and what a machine that runs other tests adds.
ANSWERED = 3.5
BACK = 5.0
UNAVAILABLE = -31011
MANY = 2000


@pytest.fixture
async def line(postgres):
    """The port to a database of this test's own."""
    async with wire(await new_database(postgres)) as made:
        yield made


@asynccontextmanager
async def opened(line):
    await database.start(line.url)
    try:
        yield line
    finally:
        await database.stop()


@pytest.fixture
async def here(line):
    """The same, open in this process."""
    async with opened(line):
        yield line


async def ask(statement="SELECT 1"):
    from sqlalchemy import text

    async with database.session() as session:
        return (await session.execute(text(statement))).scalar()


async def timed(asked):
    """What came of it, an error too, and the seconds it took."""
    began = time.monotonic()
    try:
        outcome = await asked
    except Exception as error:
        outcome = error
    return outcome, time.monotonic() - began


def is_in_time(outcome, seconds):
    return isinstance(outcome, UnavailableError) and seconds < ANSWERED


async def cut(line, how):
    if how == "refuses":
        await line.refuse()
    else:
        line.hang()


async def again(attempt, seconds=BACK):
    """Seconds until it succeeds."""
    began = time.monotonic()
    while isinstance((outcome := (await timed(attempt()))[0]), Exception):
        if time.monotonic() - began > seconds:
            raise outcome
        await asyncio.sleep(0.05)
    return time.monotonic() - began


@pytest.mark.parametrize("how", ["hangs", "refuses"])
@pytest.mark.parametrize("idle", [0, POOL_SIZE])
async def test_a_call_gets_an_error_in_time_and_works_again(here, how, idle):
    """With connections open from before, and without; soon at once, and seconds after the end."""
    await asyncio.gather(*(ask("SELECT pg_sleep(0.1)") for _ in range(idle)))
    await cut(here, how)
    assert is_in_time(*await timed(ask()))
    await asyncio.sleep(0.5)
    outcome, seconds = await timed(ask())
    assert is_in_time(outcome, seconds)
    assert seconds < 0.5  # it is known by now, so no connection is tried
    assert outcome.error.data == {"retryable": True, "retryAfter": 1}
    await here.listen()
    await again(ask)


async def test_a_statement_in_flight_ends_with_the_host(here):
    """It would wait for minutes: nothing ever tells it that nobody is there."""
    running = [asyncio.create_task(timed(ask("SELECT pg_sleep(20)"))) for _ in range(POOL_SIZE)]
    await asyncio.sleep(1)
    here.hang()
    began = time.monotonic()
    outcomes = [outcome for outcome, _ in await asyncio.gather(*running)]
    assert time.monotonic() - began < ANSWERED
    assert [type(outcome) for outcome in outcomes] == [UnavailableError] * POOL_SIZE
    await here.listen()
    await again(ask)


async def test_a_slow_statement_is_left_alone(here):
    """The database answers somebody else: it is not lost, only busy with this one."""
    outcome, seconds = await timed(ask("SELECT 42 FROM pg_sleep(3)"))
    assert (outcome, seconds > 3) == (42, True)


async def test_a_lost_commit_is_not_called_retryable(here):
    """Whether it took place is not known."""
    from sqlalchemy import text

    async def change():
        async with database.session() as session:
            await session.execute(text("CREATE TABLE changed (x int)"))
            here.hang()

    outcome, seconds = await timed(change())
    assert is_in_time(outcome, seconds)
    assert outcome.error.data == {"retryable": False, "outcome": "unknown"}


async def test_a_database_on_another_host_is_found(here):
    """Open connections hear nothing of it; each call gets a new one, and no error."""
    await asyncio.gather(*(ask("SELECT pg_sleep(0.1)") for _ in range(POOL_SIZE)))
    here.lose()
    outcomes = await asyncio.gather(*(timed(ask("SELECT 7")) for _ in range(20)))
    assert [outcome for outcome, _ in outcomes] == [7] * 20
    assert max(seconds for _, seconds in outcomes) < ANSWERED


async def test_a_full_pool_is_an_error_in_time(here):
    """All connections are in use: the message says that, and the calls that have one go on."""
    running = [asyncio.create_task(ask("SELECT 1 FROM pg_sleep(3)")) for _ in range(POOL_SIZE)]
    await asyncio.sleep(0.3)
    outcome, seconds = await timed(ask())
    assert is_in_time(outcome, seconds)
    assert "no connection to it was free" in str(outcome)
    assert await asyncio.gather(*running) == [1] * POOL_SIZE


@pytest.mark.parametrize("how", ["hangs", "refuses"])
async def test_thousands_that_wait_all_get_it_in_time(here, how):
    """They are ended together, not one connection after the other."""
    await ask()
    await cut(here, how)
    outcomes = await asyncio.gather(*(timed(ask()) for _ in range(MANY)))
    late = [seconds for outcome, seconds in outcomes if not is_in_time(outcome, seconds)]
    assert len(late) == 0, (len(late), max(late), outcomes[0])


async def test_a_tools_own_error_stays_its_own(here):
    """An OSError in the block that is none of the database's is not called one."""

    async def fail():
        async with database.session():
            raise ConnectionRefusedError("another service")

    outcome, _ = await timed(fail())
    assert type(outcome) is ConnectionRefusedError


async def test_without_the_watch_the_call_hangs(line, monkeypatch):
    """The control: SQLAlchemy's own pool."""
    monkeypatch.setattr(database.engine, "_can_be_watched", lambda url: False)
    async with opened(line):
        await ask()
        line.hang()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(), 2 * ANSWERED)
        await line.listen()


@pytest.mark.parametrize("era", ERAS)
async def test_over_http_the_error_has_its_code_and_the_replica_stays_ready(
    replica, http, line, era
):
    """Calls that need no database go on: the balancer must not take the replica away."""
    made = await asyncio.to_thread(replica, packages=STORING, DATABASE_URL=line.url)
    assert "result" in answer(await http.post(made.url, **call("notes", era)))
    line.hang()
    for _ in range(2):
        response, seconds = await timed(http.post(made.url, **call("notes", era)))
        error = answer(response)["error"]
        assert (error["code"], error["data"]["retryable"]) == (UNAVAILABLE, True)
        assert "Try again" in error["message"]
        assert seconds < ANSWERED
    assert "result" in answer(await http.post(made.url, **call("echo", era, text="x")))
    for path in ("readyz", "healthz"):
        assert (await http.get(f"{made.base}/{path}")).status_code == 200
    assert "Traceback" not in made.log
    await line.listen()

    async def succeed():
        body = answer(await http.post(made.url, **call("notes", era)))
        assert "result" in body, body

    await again(succeed)
