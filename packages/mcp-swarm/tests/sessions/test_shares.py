"""One caller cannot take all sessions and streams that a service has."""

import hashlib
from contextlib import AsyncExitStack

import pytest

from lab.legacy import SETTINGS, Session, serving

pytestmark = pytest.mark.processes

CALLERS = "\n".join(
    f"- {{sha256: {hashlib.sha256(name.encode()).hexdigest()}, client: {name}}}" for name in "ab"
)


@pytest.fixture
def replicas(tmp_path):
    """One replica for two callers, with room for twenty sessions and as many streams."""
    (tmp_path / "callers.yml").write_text(CALLERS)
    auth = {"AUTH_ENABLED": "true", "AUTH_TOKENS_FILE": tmp_path / "callers.yml"}
    limits = {"MCP_SESSION_LIMIT": 20, "MCP_STREAM_LIMIT": 20}
    with serving(tmp_path, 1, **auth, **limits) as started:
        yield started


def session(http, replicas, who):
    return Session(http, replicas, {"Authorization": f"Bearer {who}"})


async def opened(http, replicas, who, times):
    """The sessions that could be opened, and how the first one that could not was refused."""
    found = []
    for _ in range(times):
        one = session(http, replicas, who)
        try:
            found.append(await one.open())
        except (AssertionError, KeyError) as error:
            return found, str(error)
    return found, ""


async def test_a_caller_has_a_quarter_of_the_sessions(http, replicas):
    """What it closes it may open again, and the others are served."""
    sessions, refused = await opened(http, replicas, "a", 8)
    assert len(sessions) == 5
    assert refused
    assert len((await opened(http, replicas, "b", 5))[0]) == 5
    assert (await sessions.pop().delete()).status_code == 200
    assert len((await opened(http, replicas, "a", 2))[0]) == 1


async def test_a_caller_has_a_quarter_of_the_streams(http, replicas):
    mine, _ = await opened(http, replicas, "a", 5)
    others, _ = await opened(http, replicas, "b", 1)
    async with AsyncExitStack() as stack:
        for one in mine:
            await stack.enter_async_context(one.listen())
        # A call's own stream that is resumed counts as well.
        async with mine[0].get(after="nothing.0-0") as refused:
            assert refused.status_code == 429
            assert "MCP_STREAM_LIMIT" in (await refused.aread()).decode()
        await stack.enter_async_context(others[0].listen())


async def test_without_tokens_all_are_one_caller_and_have_it_all(http, tmp_path):
    """The control."""
    with serving(tmp_path, 1, MCP_SESSION_LIMIT=20) as started:
        found = [await Session(http, started).open() for _ in range(20)]
    assert len(found) == 20


async def test_the_same_where_sessions_lie_in_the_memory_of_a_replica(http, replica, tmp_path):
    (tmp_path / "callers.yml").write_text(CALLERS)
    auth = {"AUTH_ENABLED": "true", "AUTH_TOKENS_FILE": tmp_path / "callers.yml"}
    made = replica(**{**SETTINGS, **auth, "MCP_SESSION_LIMIT": 20})
    assert len((await opened(http, [made], "a", 8))[0]) == 5
    assert len((await opened(http, [made], "b", 5))[0]) == 5
