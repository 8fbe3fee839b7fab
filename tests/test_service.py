"""What holds for the service whatever it serves. Tests of your own tools go beside this file."""

import re
import urllib.error
import urllib.request

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError


async def test_clients_of_each_protocol_version_see_the_same(replica):
    """An older client and a new one, on one address."""
    url = replica().url
    seen = []
    for mode in ("legacy", "2026-07-28"):
        async with Client(url, mode=mode) as client:
            seen.append([tool.name for tool in await client.list_tools()])
    assert seen[0] == seen[1]


async def test_every_tool_is_described(replica):
    """A model chooses a tool by these words alone."""
    async with Client(replica().url) as client:
        for tool in await client.list_tools():
            assert tool.description, tool.name


async def test_an_unknown_tool_is_an_error(replica):
    """And not a hang or a crash."""
    async with Client(replica().url) as client:
        with pytest.raises(ToolError, match="nothing_is_called_so"):
            await client.call_tool("nothing_is_called_so")


def test_without_a_token_nobody_calls(replica):
    """As deployed by `make deploy`; /healthz and /readyz stay open."""
    made = replica(AUTH_ENABLED="true", AUTH_TOKEN="a-token-of-this-test")
    asked = urllib.request.Request(made.url, b"{}", {"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError, match="401") as refused:
        urllib.request.urlopen(asked, timeout=10)
    refused.value.close()


def test_it_names_itself_and_stops_in_order(replica):
    """Exit code 0 is what Swarm takes for a stop that was asked for."""
    made = replica(MCP_REPLICA="blue")
    with urllib.request.urlopen(f"{made.base}/version", timeout=10) as answer:
        assert answer.headers["X-Served-By"] == "blue"
    assert made.stop() == 0
    assert not re.search("Traceback", made.log)
