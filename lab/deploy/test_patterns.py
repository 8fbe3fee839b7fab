"""Each pattern, run: the settings of its overlay, the project's balancer, real replicas."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from lab import valkey
from lab.conformance.balancer import Balancer, balancer
from lab.deploy.patterns import deployed, merged
from lab.deploy.session import Session, opened
from lab.matrix.modes import SAMPLE
from lab.mcp_wire import answer, request, text
from lab.valkey import free_port
from server.mcp_app import EXAMPLES

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Valkey of these tests' own, for the services that one pattern or another has."""
    names = merged("split")["services"]["redis"]["environment"]["MCP_NAMES"]
    with valkey.serving(tmp_path_factory.mktemp("valkey"), names) as server:
        yield server.url


async def kept(session: Session, times: int = 6) -> list[str]:
    """What a session's state is in each of several requests: the value, or the HTTP status."""
    found = []
    for _ in range(times):
        response = await session.call("kept")
        found.append(text(response) if response.status_code == 200 else str(response.status_code))
    return found


async def test_single_is_one_replica_with_sessions_in_its_memory(
    tmp_path: Path, redis_url: str, http: httpx2.AsyncClient
) -> None:
    """And no Redis at all: REDIS_URL is memory:// in it."""
    with deployed(tmp_path, "single", redis_url="redis://127.0.0.1:1/0", packages=SAMPLE) as made:
        session = await opened(http, made.url)
        await session.call("keep", value="blue")
        assert await kept(session) == ["blue"] * 6
        assert len(made.mcp) == 1


async def test_sticky_sends_a_session_to_the_replica_that_made_it(
    tmp_path: Path, redis_url: str, http: httpx2.AsyncClient
) -> None:
    """Sessions spread over all replicas, and each is served by its own however they alternate."""
    with deployed(tmp_path, "sticky", redis_url=redis_url, packages=SAMPLE) as made:
        sessions = [await opened(http, made.url) for _ in range(6)]
        assert len({session.made_by for session in sessions}) == 3
        for number, session in enumerate(sessions):
            await session.call("keep", value=str(number))
        for _ in range(3):
            for number, session in enumerate(sessions):
                response = await session.call("kept")
                assert text(response) == str(number)
                assert response.headers["X-Served-By"] == session.made_by


async def test_without_affinity_a_session_is_lost_on_the_next_replica(
    tmp_path: Path, redis_url: str, http: httpx2.AsyncClient
) -> None:
    """The control: the same replicas, the balancer's switch off."""
    with deployed(tmp_path, "sticky", redis_url=redis_url, packages=SAMPLE, LB_STICKY="") as made:
        session = await opened(http, made.url)
        assert sorted(await kept(session)) == ["404"] * 4 + ["None"] * 2


async def test_when_a_replica_dies_its_sessions_end_cleanly_and_no_others(
    tmp_path: Path, redis_url: str, http: httpx2.AsyncClient
) -> None:
    """404 tells a client to start anew, which then works; sessions elsewhere do not notice."""
    with deployed(tmp_path, "sticky", redis_url=redis_url, packages=SAMPLE) as made:
        sessions = [await opened(http, made.url) for _ in range(3)]
        for session in sessions:
            await session.call("keep", value="blue")
        dead, *others = sessions
        next(r for r in made.mcp if r.folder.name == dead.made_by).end()
        answers = [(await dead.call("kept")).status_code for _ in range(4)]
        assert answers == [404] * 4
        for session in others:
            assert await kept(session) == ["blue"] * 6
        again = await opened(http, made.url)
        await again.call("keep", value="green")
        assert await kept(again) == ["green"] * 6


async def test_balancers_that_are_peers_know_each_others_sessions(
    tmp_path: Path, redis_url: str, http: httpx2.AsyncClient
) -> None:
    """A session made by way of one is served by way of the other; not if they are no peers."""
    (tmp_path / "other").mkdir()
    (tmp_path / "stranger").mkdir()
    one, other = "127.0.0.1", "127.0.0.2"
    both = {"LB_PEER_1": one, "LB_PEER_2": other, "LB_PEER_PORT": str(port := free_port())}
    first = {**both, "LB_PEER": one, "LB_PEER_BIND": f"{one}:{port}"}
    second = {**both, "LB_PEER": other, "LB_PEER_BIND": f"{other}:{port}", "LB_STICKY": "on"}
    with (
        deployed(tmp_path, "sticky", redis_url=redis_url, packages=SAMPLE, **first) as made,
        balancer(tmp_path / "other", made.mcp, **second) as peer,
        balancer(tmp_path / "stranger", made.mcp, LB_STICKY="on") as stranger,
    ):
        sessions = [await opened(http, made.url) for _ in range(3)]
        sessions.sort(key=lambda session: session.made_by)
        # A fresh balancer begins with the first replica: none of these meets its own by chance.
        sessions.append(sessions.pop(0))
        for balancing, status in ((stranger, 404), (peer, 200)):
            for session in sessions:
                session.url = balancing.url
                if balancing is peer:
                    await reported(peer, session)
                response = await session.call("echo", text="x")
                assert response.status_code == status


async def reported(peer: Balancer, session: Session) -> None:
    """Returns once `peer` has heard of `session`: peers tell each other within moments."""
    for _ in range(750):
        if session.id in peer.ask("show table sessions"):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{session.id} is not in:\n{peer.ask('show table sessions')}")


async def test_sessions_are_served_by_every_replica_and_outlive_the_one_that_made_them(
    tmp_path: Path, redis_url: str, http: httpx2.AsyncClient
) -> None:
    """By turns, with no affinity at all; then the maker of the session is killed."""
    with deployed(tmp_path, "sessions", redis_url=redis_url, packages=SAMPLE) as made:
        session = await opened(http, made.url)
        await session.call("keep", value="blue")
        answers = [await session.call("kept") for _ in range(6)]
        assert [text(response) for response in answers] == ["blue"] * 6
        assert len({response.headers["X-Served-By"] for response in answers}) == 3
        next(r for r in made.mcp if r.folder.name == session.made_by).end()
        assert await kept(session) == ["blue"] * 6


async def test_split_gives_each_path_its_own_replicas_and_tools(
    tmp_path: Path, redis_url: str, http: httpx2.AsyncClient
) -> None:
    """/mcp stateless, /live with sessions on any of its replicas; no tool is on both."""
    pytest.importorskip("server.examples.tools.sales")  # the names are those of the examples
    with deployed(tmp_path, "split", redis_url=redis_url, packages=EXAMPLES) as made:
        live = made.url.replace("/mcp", "/live")
        tools, served = {}, {}
        for url in (made.url, live):
            asked = [await http.post(url, **request("tools/list")) for _ in range(6)]
            tools[url] = {tool["name"] for tool in answer(asked[0])["result"]["tools"]}
            served[url] = {response.headers["X-Served-By"] for response in asked}
        assert served[made.url] == {"mcp-1", "mcp-2", "mcp-3"}
        assert served[live] == {"mcp-live-1", "mcp-live-2"}
        assert {"get_top_customers", "process_file"} <= tools[made.url]
        assert "analyze_with_ai" in tools[live]
        assert tools[made.url] & tools[live] == set()
        for url in (made.url, live):  # the other spelling of each path
            asked = [await http.post(f"{url}/", **request("tools/list")) for _ in range(6)]
            assert {response.headers["X-Served-By"] for response in asked} == served[url]
        session = await opened(http, live)
        answers = [await session.send(request("tools/list", "legacy")) for _ in range(4)]
        assert {response.status_code for response in answers} == {200}
        assert {response.headers["X-Served-By"] for response in answers} == served[live]
        assert (await http.get(f"{live}/else")).status_code == 404
