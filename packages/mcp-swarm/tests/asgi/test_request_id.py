"""Request ids: kept if sane, replaced if not, returned, and in every line of the log."""

import json
import re

import pytest

from lab import mcp_wire
from lab.mcp_wire import ERAS, call, with_headers


@pytest.mark.parametrize("given", ["abc-123", "a" * 128, "x.y:z_1", "0"])
async def test_a_sane_id_is_kept(shared, http, given):
    """The caller's own id ties its log to ours."""
    response = await http.get(f"{shared.base}/version", headers={"X-Request-Id": given})
    assert response.headers.get_list("x-request-id") == [given]


@pytest.mark.parametrize("given", ["", "a" * 129, "two words", 'x" forged="1', "a\tb", "ü", "a/b"])
async def test_any_other_id_is_replaced(shared, http, given):
    """What could forge a log line, or fill the log, is not repeated."""
    headers = [(b"X-Request-Id", given.encode("latin-1"))]
    response = await http.get(f"{shared.base}/version", headers=headers)
    (returned,) = response.headers.get_list("x-request-id")
    assert re.fullmatch(r"[0-9a-f]{16}", returned)


async def test_ids_that_we_make_differ(shared, http):
    """Two requests are two ids."""
    made = {(await http.get(f"{shared.base}/version")).headers["x-request-id"] for _ in range(5)}
    assert len(made) == 5


async def test_of_two_ids_the_first_counts(shared, http):
    """A balancer that adds one behind the caller's; never both in one header."""
    headers = [("X-Request-Id", "first"), ("X-Request-Id", "second")]
    response = await http.get(f"{shared.base}/version", headers=headers)
    assert response.headers.get_list("x-request-id") == ["first"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_tools_own_log_line_carries_the_id(shared, http, era):
    """`logging` in a tool's thread knows whose call it serves."""
    await http.post(
        shared.url, **with_headers(call("log", era, text=f"hi-{era}"), X_Request_Id=f"id-{era}")
    )
    line = shared.wait_for_log(rf".*the tool says hi-{era}$")
    assert f"[id-{era}]" in line[0]


async def test_the_id_is_on_errors_too(shared, http):
    """The one request that somebody asks about."""
    response = await http.get(f"{shared.base}/nowhere", headers={"X-Request-Id": "lost"})
    assert (response.status_code, response.headers["x-request-id"]) == (404, "lost")
    assert "404 GET /nowhere" in shared.wait_for_log(r".*\[lost\].*")[0]


@pytest.mark.parametrize("json_response", ["true", "false"])
async def test_in_a_session_each_call_has_its_own_id(replica, http, json_response):
    """A session's messages run in one task; the ids are still those of the requests."""
    made = replica(
        MCP_STATELESS_HTTP="false", MCP_JSON_RESPONSE=json_response, MCP_LOG_FORMAT="json"
    )
    params = {
        "protocolVersion": mcp_wire.LEGACY,
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    opened = await http.post(made.url, **mcp_wire.request("initialize", "legacy", **params))
    session = {"Mcp_Session_Id": opened.headers["mcp-session-id"]}
    for n in (1, 2):
        asked = call("log", "legacy", text=f"number {n}")
        await http.post(made.url, **with_headers(asked, X_Request_Id=f"call-{n}", **session))
    lines = [json.loads(line) for line in made.log.splitlines() if line.startswith("{")]
    said = {x["message"]: x["request_id"] for x in lines if "number" in x["message"]}
    assert said == {"the tool says number 1": "call-1", "the tool says number 2": "call-2"}
