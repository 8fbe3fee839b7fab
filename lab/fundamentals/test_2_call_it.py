"""Call a tool: with curl, with a client library, in either protocol era."""

import json
import shutil
import subprocess

import pytest
from fastmcp import Client

from lab import mcp_wire


@pytest.mark.skipif(not shutil.which("curl"), reason="this machine has no curl")
def test_curl_is_enough(shared):
    """One POST: no session, no handshake, no event stream."""
    ran = subprocess.run(
        [
            *("curl", "-s", "-X", "POST", shared.url),
            *("-H", "Content-Type: application/json", "-H", "Accept: application/json"),
            *("-d", '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'),
        ],
        capture_output=True,
        check=True,
    )
    assert "add" in [tool["name"] for tool in json.loads(ran.stdout)["result"]["tools"]]


@pytest.mark.parametrize("era", mcp_wire.ERAS)
async def test_a_tool_answers_in_each_era(shared, http, era):
    """2025-11-25 and 2026-07-28 on one endpoint; the header tells which."""
    response = await http.post(shared.url, **mcp_wire.call("add", era, a=40, b=2))
    assert response.status_code == 200
    assert mcp_wire.answer(response)["result"]["structuredContent"] == {"result": 42}


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28", "auto"])
async def test_a_client_library_calls_it_too(shared, mode):
    """Whatever the client speaks, it gets the same answer."""
    async with Client(shared.url, mode=mode) as client:
        assert (await client.call_tool("add", {"a": 40, "b": 2})).data == 42
        assert "add" in [tool.name for tool in await client.list_tools()]
