"""Call a tool in each protocol era, by hand and with the official client."""

import pytest
from fastmcp import Client

from tests import speak


@pytest.mark.parametrize("era", speak.ERAS)
async def test_a_tool_answers_in_each_era(shared, http, era):
    """One endpoint serves both; no session and no handshake are needed."""
    response = await http.post(shared.url, **speak.call("add", era, a=40, b=2))
    assert response.status_code == 200
    assert speak.answer(response)["result"]["structuredContent"] == {"result": 42}


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28", "auto"])
async def test_the_client_library_calls_it_too(shared, mode):
    """Whatever era the client speaks, it gets the same answer."""
    async with Client(shared.url, mode=mode) as client:
        assert (await client.call_tool("add", {"a": 40, "b": 2})).data == 42
