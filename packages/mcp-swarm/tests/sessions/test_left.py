"""What is left in Redis of sessions that their clients closed: nothing."""

import pytest

from lab.legacy import SETTINGS, Session, rest, soon, until
from lab.mcp_wire import text


@pytest.fixture
def two(service):
    """Two replicas that share sessions."""
    return [service(MCP_REPLICA=name, **SETTINGS) for name in "ab"]


def of_sessions(valkey):
    """Keys that belong to a session."""
    with valkey.client() as client:
        return [key for key in client.scan_iter() if b"session" in key]


async def test_a_closed_session_takes_the_answers_of_its_calls_along(two, valkey, http):
    """Answers that were streamed are kept for who lost the connection; there is nobody any more."""
    session = await Session(http, two).open()
    for number in range(3):
        assert "counted" in text(await session.call("count", number=number, to=2, pause=0.01))
    assert await until(lambda: any(b":call:" in key for key in of_sessions(valkey)))
    assert (await session.delete()).status_code == 200
    assert await until(lambda: of_sessions(valkey) == [])


async def test_a_call_that_ends_after_its_session_is_not_kept(two, valkey, http):
    """It runs on another replica than the one that closes the session."""
    session = await Session(http, two).open()
    async with session.streamed("count", at=two[0], to=500) as events:
        await soon(events)
        assert (await session.delete(at=two[1])).status_code == 200
        await rest(events)
    assert await until(lambda: of_sessions(valkey) == [])


async def test_a_replica_drops_what_it_was_told(two, valkey, http):
    """Every closed session is told to all; what is read does not lie there."""
    for _ in range(20):
        await (await Session(http, two).open()).delete()

    def lengths():
        with valkey.client() as client:
            return [client.xlen(key) for key in client.scan_iter("*:inbox:*")]

    assert await until(lambda: lengths() == [1, 1])
