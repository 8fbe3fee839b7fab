"""Every pattern of deploy/patterns/ on a Swarm: of one node, and of three where balancers are peers.

With MCP_SWARM_FULL set. Each pattern runs from its own files in lab/deploy too, without a Swarm.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace

import httpx2
import pytest

from lab.deploy.session import Session, opened
from lab.mcp_wire import answer, request, with_headers
from lab.swarm.conftest import TOKENS
from lab.swarm.deployment import Deployment

pytestmark = [
    pytest.mark.swarm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(  # each deploys the stack anew, which takes minutes
        not os.environ.get("MCP_SWARM_FULL"),
        reason="MCP_SWARM_FULL=1 runs it; lab/deploy runs it here",
    ),
]


# Until a balancer has heard what its peers know. One that was not there is tried again after 5 s.
HEARD = 12


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


@pytest.mark.parametrize("pattern", ["split auth"], indirect=True)
async def test_only_known_callers_are_served_by_either_service(
    pattern: Deployment, http: httpx2.AsyncClient
) -> None:
    """And a session is its caller's alone: named by another it is not there, on any replica."""
    live = pattern.url().replace("/mcp", "/live")
    asked = request("tools/list")
    for url in (pattern.url(), live):
        for _ in range(3):
            refused = await http.post(url, **asked)
            assert refused.status_code == 401
            assert refused.headers["WWW-Authenticate"].startswith("Bearer")
            refused = await http.post(url, **with_headers(asked, Authorization="Bearer unknown"))
            assert refused.status_code == 401
            assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
            known = with_headers(asked, Authorization=f"Bearer {TOKENS['one']}")
            assert (await http.post(url, **known)).status_code == 200
    async with caller("one") as one, caller("other") as other:
        session = await opened(one, live)
        assert {status for status, _ in await served(session)} == {200}
        stolen = replace(session, http=other)
        assert {status for status, _ in await served(stolen)} == {404}
        assert {status for status, _ in await served(replace(session, http=http))} == {401}
        met = await served(session)
    assert {status for status, _ in met} == {200}
    assert len({replica for _, replica in met}) == 2


def caller(name: str) -> httpx2.AsyncClient:
    """A client that says who it is."""
    headers = {"Authorization": f"Bearer {TOKENS[name]}"}
    return httpx2.AsyncClient(headers=headers, trust_env=False, timeout=30)


async def test_balancers_that_are_peers_serve_each_others_sessions(
    peers: Deployment, http: httpx2.AsyncClient
) -> None:
    """By way of any node a session reaches its replica, and after its own balancer was killed."""
    first, second, third, fourth = [await opened(http, peers.url(1)) for _ in range(4)]
    assert first.made_by == fourth.made_by
    # One after the other: a balancer that knows of neither sends them to different replicas.
    sessions = (first, fourth, second, third)
    await asyncio.sleep(HEARD)
    for node in (2, 3):
        assert await reached(peers.url(node), sessions) == [200] * 4
    label = "label=com.docker.swarm.service.name=mcp-swarm_lb"
    engine = peers.cluster.manager
    engine.docker("kill", "--signal", "KILL", engine.docker("ps", "-q", "--filter", label))
    peers.wait()
    await asyncio.sleep(HEARD)
    for node in (1, 2, 3):
        assert await reached(peers.url(node), sessions) == [200] * 4


async def reached(url: str, sessions: Sequence[Session]) -> list[int]:
    """The status of one request in each session by way of the balancer at `url`."""
    met = [(await served(replace(session, url=url), 1))[0] for session in sessions]
    return [status for status, _ in met]
