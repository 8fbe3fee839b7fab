"""The balancer's own promises, with its configuration unchanged and replicas that are killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

from lab.conformance.balancer import Balancer, balancer
from lab.fixtures import Start
from lab.mcp_wire import ERAS, Era, call, text
from lab.replica import Replica

# No room for the hop: every call goes straight to its replica, as without it.
NO_HOP = {"LB_CLIENTS": "200", "LB_MAXCONN": "200"}
MODE = {"modern": "2026-07-28", "legacy": "legacy"}
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def pair(replica: Start) -> list[Replica]:
    """Two replicas at default settings."""
    return [replica(MCP_REPLICA=name) for name in ("one", "other")]


@pytest.fixture
async def alone() -> AsyncIterator[httpx2.AsyncClient]:
    """A client with a single connection, which it keeps."""
    limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1)
    async with httpx2.AsyncClient(limits=limits, timeout=30, trust_env=False) as client:
        yield client


@asynccontextmanager
async def killed_in_mid_call(pair: list[Replica]) -> AsyncIterator[None]:
    """Kills the replica in which a call of `sleep` has begun; what the block does meanwhile."""

    async def kill() -> None:
        for _ in range(1000):
            if busy := [one for one in pair if "the sleep begins" in one.log]:
                busy[0].end()
                return
            await asyncio.sleep(0.02)
        raise AssertionError("no call began")

    killing = asyncio.create_task(kill())
    try:
        yield
    finally:
        await killing


async def used(client: httpx2.AsyncClient, url: str, times: int = 3) -> None:
    """Has the client's connection carry some calls before."""
    for _ in range(times):
        assert text(await client.post(url, **call("echo", text="x"))) == "x"


async def lines(log: Path, tool: str, at_least: int) -> list[str]:
    """What HAProxy's log says of calls of `tool`, once there are so many lines; then all of them."""
    for _ in range(500):
        if len(found := _naming(log, tool)) >= at_least:
            await asyncio.sleep(0.2)  # for one too many
            return _naming(log, tool)
        await asyncio.sleep(0.02)
    raise AssertionError(f"not {at_least} lines: {found}")


def _naming(log: Path, tool: str) -> list[str]:
    return [line for line in log.read_text().splitlines() if f"|tools/call|{tool}}}" in line]


async def closed_to_new(made: Balancer) -> None:
    """Returns once no new connection is accepted any more."""
    url = httpx2.URL(made.url)
    for _ in range(500):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", url.port)
        except OSError:
            return
        writer.close()
        await asyncio.sleep(0.05)
    raise AssertionError("it goes on accepting")


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_whose_replica_is_killed_is_told_so_on_a_used_connection(
    tmp_path: Path, pair: list[Replica], alone: httpx2.AsyncClient, era: Era
) -> None:
    """502, or an error in JSON-RPC; the next call is served by the other replica."""
    with balancer(tmp_path, pair) as made:
        await used(alone, made.url)
        async with killed_in_mid_call(pair):
            reported = await alone.post(made.url, **call("sleep", era, seconds=20))
        if era == "modern":
            assert reported.status_code == 502
            assert reported.headers["Content-Type"] == "application/problem+json"
            assert "may have been carried out" in reported.json()["detail"]
        else:
            assert reported.status_code == 200
            assert reported.json()["error"]["data"] == {"executed": "unknown"}
        await used(alone, made.url)


async def test_without_the_hop_the_connection_is_closed_without_a_word(
    tmp_path: Path, pair: list[Replica], alone: httpx2.AsyncClient
) -> None:
    """The control."""
    with balancer(tmp_path, pair, **NO_HOP) as made:
        await used(alone, made.url)
        with pytest.raises(httpx2.RemoteProtocolError):
            async with killed_in_mid_call(pair):
                await alone.post(made.url, **call("sleep", seconds=20))


@pytest.mark.parametrize("era", ERAS)
async def test_the_official_client_goes_on_when_its_replica_is_killed_in_mid_call(
    tmp_path: Path, pair: list[Replica], era: Era
) -> None:
    """The call ends in an error; the same client's next calls are answered."""
    with balancer(tmp_path, pair) as made:
        async with Client(made.url, mode=MODE[era]) as client:
            await client.call_tool("echo", {"text": "x"})
            with pytest.raises(MCPError):
                async with killed_in_mid_call(pair):
                    await client.call_tool("sleep", {"seconds": 20})
            for _ in range(3):
                assert not (await client.call_tool("echo", {"text": "x"})).is_error


async def test_a_call_is_logged_once_with_its_client_and_its_replica(
    tmp_path: Path, pair: list[Replica], alone: httpx2.AsyncClient
) -> None:
    """However often it comes by; one that no replica answered too, if not with whose it was."""
    with balancer(tmp_path, pair) as made:
        await used(alone, made.url, 4)
        async with killed_in_mid_call(pair):
            await alone.post(made.url, **call("sleep", seconds=20))
        log = tmp_path / "haproxy.log"
        answered, broken = await lines(log, "echo", 4), await lines(log, "sleep", 1)
        assert (len(answered), len(broken)) == (4, 1)
        assert " 502 " in broken[0]
        assert all(line.startswith("127.0.0.1:") for line in answered + broken)
        assert all(" mcp/static" in line for line in answered)


async def test_more_calls_than_the_hop_has_room_for_are_served_at_once(
    tmp_path: Path, pair: list[Replica], http: httpx2.AsyncClient
) -> None:
    """Clients at their limit never leave the hop without connections: what is over goes without."""
    with balancer(tmp_path, pair, LB_CLIENTS="12", LB_MAXCONN="16") as made:
        slow = [http.post(made.url, **call("sleep", seconds=20)) for _ in range(12)]
        calls = [asyncio.create_task(one) for one in slow]
        for _ in range(1500):
            if (begun := sum(one.log.count("the sleep begins") for one in pair)) == len(calls):
                break
            await asyncio.sleep(0.02)
        for one in calls:
            one.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert begun == len(calls)


async def test_a_balancer_that_stops_answers_the_last_request_of_each_connection(
    tmp_path: Path, pair: list[Replica]
) -> None:
    """Also when it takes no connection any more, its hop's neither."""
    async with AsyncExitStack() as open_:
        made = open_.enter_context(balancer(tmp_path, pair))
        waiting = [
            await open_.enter_async_context(httpx2.AsyncClient(timeout=30, trust_env=False))
            for _ in range(4)
        ]
        for client in waiting:
            await used(client, made.url, 1)
        made.stop()
        await closed_to_new(made)
        for client in waiting:
            answer = await client.post(made.url, **call("echo", text="last"))
            assert text(answer) == "last"
