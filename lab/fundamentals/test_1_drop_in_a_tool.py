"""Write a function, put the file into `server/tools/`, start the server: it is a tool."""

import shutil

from lab.mcp_wire import answer, call, request
from lab.replica import ROOT

WEATHER = """
from fastmcp.tools import tool


@tool
def get_weather(city: str) -> str:
    \"\"\"Tell the weather in a city.\"\"\"
    return f"Sunny in {city}"
"""


async def test_a_file_dropped_into_tools_is_live_at_the_next_start(fresh, tmp_path, http):
    """Nothing to register: the decorator is all. Its signature is the schema."""
    shutil.copytree(ROOT / "server", tmp_path / "mine" / "server")
    (tmp_path / "mine/server/tools/weather.py").write_text(WEATHER)
    replica = fresh("-m", "server", cwd=tmp_path / "mine", MCP_TOOLS="weather")
    replica.wait_until_ready()

    listed = answer(await http.post(replica.url, **request("tools/list")))["result"]["tools"]
    assert [tool["name"] for tool in listed] == ["get_weather"]
    assert listed[0]["inputSchema"]["required"] == ["city"]

    called = answer(await http.post(replica.url, **call("get_weather", city="Oslo")))["result"]
    assert called["structuredContent"] == {"result": "Sunny in Oslo"}
