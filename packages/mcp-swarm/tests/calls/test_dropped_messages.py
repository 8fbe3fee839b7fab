"""Progress and log messages that a mode cannot carry: the call goes on, the operator is told."""

import pytest

from lab.mcp_wire import ERAS, call, text

WORD = "which its callers do not get"
SETTING = "MCP_JSON_RESPONSE=auto"


def asking_for(request, era):
    """The same request, with everything asked for that can come on the way."""
    meta = request["json"]["params"].setdefault("_meta", {})
    meta["progressToken"] = "t"
    if era == "modern":
        meta["io.modelcontextprotocol/logLevel"] = "info"
    return request


@pytest.mark.parametrize("era", ERAS)
async def test_one_warning_a_tool_names_the_setting(replica, http, era):
    """However often it is called, and whichever it sends; the calls are answered."""
    made = replica()
    for _ in range(3):
        counted = await http.post(made.url, **asking_for(call("count", era, to=3, pause=0), era))
        assert text(counted) == "counted to 3"
        reported = await http.post(made.url, **asking_for(call("tell", era, text="x"), era))
        assert text(reported) == "told"
    lines = [line for line in made.log.splitlines() if WORD in line]
    assert len(lines) == 2
    assert all(SETTING in line and "WARNING" in line for line in lines)
    assert "the tool 'count' sends progress" in lines[0]
    assert "the tool 'tell' sends log messages" in lines[1]


async def test_a_caller_who_asked_for_none_misses_nothing(replica, http):
    """Without a progress token or a log level there is nothing to deliver in any mode."""
    made = replica()
    await http.post(made.url, **call("count", to=3, pause=0))
    await http.post(made.url, **call("tell", text="x"))
    assert WORD not in made.log


@pytest.mark.parametrize("json", ["false", "auto"])
async def test_where_it_is_delivered_nothing_is_warned_of(replica, http, json):
    """The modes that stream."""
    made = replica(MCP_JSON_RESPONSE=json)
    response = await http.post(made.url, **asking_for(call("count", to=3, pause=0), "modern"))
    assert response.text.count("notifications/progress") == 3
    assert WORD not in made.log
