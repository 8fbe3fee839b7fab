"""Every pattern of deploy/patterns/ on a Swarm of one node.

With MCP_SWARM_FULL set. Each pattern runs from its own files in tests/deploy too, without a Swarm.
"""

import os

import httpx2
import pytest

from tests.deploy.session import Session, opened
from tests.speak import answer, request
from tests.swarm.deployment import Deployment

pytestmark = [
    pytest.mark.swarm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(  # each deploys the stack anew, which takes minutes
        not os.environ.get("MCP_SWARM_FULL"),
        reason="MCP_SWARM_FULL=1 runs it; tests/deploy runs it here",
    ),
]


async def served(session: Session, times: int = 6) -> list[tuple[int, str]]:
    """The status of each of several requests, and the replica that answered it."""
    found = []
    for _ in range(times):
        response = await session.send(request("tools/list", "legacy"))
        found.append((response.status_code, response.headers["X-Served-By"]))
    return found


@pytest.mark.parametrize("pattern", ["single"], indirect=True)
async def test_single_is_one_replica_that_keeps_its_sessions(
    pattern: Deployment, http: httpx2.AsyncClient
) -> None:
    """And Redis is not even started."""
    session = await opened(http, pattern.url())
    assert await served(session) == [(200, session.made_by)] * 6
    assert pattern.counts()["mcp"] == ["1", "1"]
    assert pattern.counts()["redis"] == ["0", "0"]


@pytest.mark.parametrize("pattern", ["sticky"], indirect=True)
async def test_sticky_keeps_a_session_on_its_replica_as_long_as_that_lives(
    pattern: Deployment, http: httpx2.AsyncClient
) -> None:
    """After that the session is gone, the others are not, and a new one can be opened."""
    sessions = [await opened(http, pattern.url()) for _ in range(3)]
    assert len({session.made_by for session in sessions}) == 3
    for session in sessions:
        assert await served(session) == [(200, session.made_by)] * 6
    dead, *others = sessions
    pattern.kill(dead.made_by)
    assert {status for status, _ in await served(dead)} == {404}
    for session in others:
        assert await served(session) == [(200, session.made_by)] * 6
    again = await opened(http, pattern.url())
    assert await served(again) == [(200, again.made_by)] * 6


@pytest.mark.parametrize("pattern", ["sessions"], indirect=True)
async def test_sessions_are_served_by_every_replica(
    pattern: Deployment, http: httpx2.AsyncClient
) -> None:
    """And outlive the one that made them."""
    session = await opened(http, pattern.url())
    met = await served(session)
    assert {status for status, _ in met} == {200}
    assert len({replica for _, replica in met}) == 3
    pattern.kill(session.made_by)
    assert {status for status, _ in await served(session)} == {200}


@pytest.mark.parametrize("pattern", ["split"], indirect=True)
async def test_split_serves_two_services_by_one_balancer(
    pattern: Deployment, http: httpx2.AsyncClient
) -> None:
    """Each by its path, with its own replicas and tools."""
    replicas, tools = {}, {}
    for url in (pattern.url(), pattern.url().replace("/mcp", "/live")):
        asked = [await http.post(url, **request("tools/list")) for _ in range(6)]
        replicas[url] = {response.headers["X-Served-By"] for response in asked}
        tools[url] = {tool["name"] for tool in answer(asked[0])["result"]["tools"]}
    plain, live = tools
    assert len(replicas[plain]) == 3
    assert len(replicas[live]) == 2
    assert replicas[plain] & replicas[live] == set()
    assert tools[plain] & tools[live] == set()
    session = await opened(http, live)
    assert {status for status, _ in await served(session)} == {200}
