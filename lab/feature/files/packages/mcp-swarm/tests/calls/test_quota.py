"""`MCP_CALL_QUOTA`: a caller may make so many calls a minute, over all replicas."""

import time

import httpx2
import pytest

from lab.in_process import running
from lab.mcp_wire import answer, call
from mcp_swarm.build import build_mcp
from mcp_swarm.calls.quota import MINUTE
from mcp_swarm.config import Settings
from mcp_swarm.serve import build_app

PACKAGES = ("lab.sample.tools",)
TOO_BUSY = -31010


@pytest.fixture(autouse=True)
def within_a_minute():
    """The test does not begin in the last seconds of a minute."""
    if (left := MINUTE - time.time() % MINUTE) < 10:
        time.sleep(left)


async def calls_of(team, http, number):
    """What so many calls get, at each replica in turn."""
    urls = [team[at % len(team)].url for at in range(number)]
    return [answer(await http.post(url, **call("add", a=1, b=2))) for url in urls]


async def test_all_replicas_count_together(service, http):
    """Two replicas, three calls: the fourth is rejected, whichever replica it reaches."""
    team = [service(packages=PACKAGES, MCP_CALL_QUOTA=3) for _ in range(2)]
    found = await calls_of(team, http, 5)
    assert ["result" in each for each in found] == [True, True, True, False, False]
    assert found[4]["error"]["code"] == TOO_BUSY
    assert "MCP_CALL_QUOTA" in found[4]["error"]["message"]
    assert 1 <= found[4]["error"]["data"]["retryAfter"] <= MINUTE


async def test_without_it_nothing_is_rejected(service, http):
    """The control, and the default."""
    team = [service(packages=PACKAGES) for _ in range(2)]
    assert all("result" in each for each in await calls_of(team, http, 5))


async def test_the_gauge_counts_what_was_rejected_and_the_key_expires(valkey, key):
    settings = Settings(redis_url=valkey.url, mcp_request_state_keys=(key,), mcp_call_quota=1)
    app = build_app(settings, build_mcp(settings, PACKAGES))
    transport = httpx2.ASGITransport(app)
    async with (
        running(app),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http,
    ):
        for _ in range(3):
            await http.post("/mcp", **call("add", a=1, b=2))
        assert app.mcp.gauges()["quota_rejected"] == 2
    with valkey.client() as client:
        (counted,) = client.scan_iter("*:quota:*")
        assert 0 < client.ttl(counted) <= 2 * MINUTE
