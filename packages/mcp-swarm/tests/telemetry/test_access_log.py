"""The request log: one line a request, in text or JSON, without bodies and secrets."""

import asyncio
import json
import re

import pytest

from lab.mcp_wire import ERAS, call, request, with_headers


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("method", "params", "named"),
    [
        ("tools/call", {"name": "echo", "arguments": {"text": "x"}}, "echo"),
        ("resources/read", {"uri": "sample://greeting"}, "sample://greeting"),
        ("prompts/get", {"name": "greet", "arguments": {"name": "x"}}, "greet"),
        ("tools/list", {}, "-"),
    ],
)
async def test_a_line_has_status_path_method_name_and_time(
    shared, http, era, method, params, named
):
    """Older clients tell method and name in the body only; the line has them in both eras."""
    asked = with_headers(request(method, era, **params), X_Request_Id=f"log-{era}-{named[:4]}-1")
    assert (await http.post(shared.url, **asked)).status_code == 200
    line = shared.wait_for_log(rf".*\[log-{era}-{named[:4]}-1\].*")[0]
    pattern = (
        r"\d\d:\d\d:\d\d\.\d{3} INFO    tested \[log-.*\] 200 POST /mcp "
        rf"{method} {re.escape(named)} ok \d+\.\d ms"
    )
    assert re.fullmatch(pattern, line)


async def test_json_lines_have_the_same_as_fields(replica, http):
    """Each line of the log is one object, the start's own lines included."""
    made = replica(MCP_LOG_FORMAT="json")
    await http.post(made.url, **with_headers(call("echo", text="x"), X_Request_Id="j1"))
    made.wait_for_log(r'"request_id": "j1"')
    made.stop()
    lines = [json.loads(line) for line in made.log.splitlines()]
    (line,) = [line for line in lines if line["request_id"] == "j1"]
    assert line.pop("duration_ms") > 0
    assert line.pop("request_bytes") > 100 < line.pop("response_bytes")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line.pop("message").startswith("200 POST /mcp tools/call echo ")
    assert line == {
        "level": "info",
        "logger": "server.access",
        "replica": "tested",
        "request_id": "j1",
        "status": 200,
        "http_method": "POST",
        "path": "/mcp",
        "mcp_method": "tools/call",
        "mcp_name": "echo",
        "outcome": "ok",
    }


async def test_bodies_tokens_and_secrets_are_not_logged(replica, http):
    """At the chattiest level: arguments, results, tokens, queries and keys stay out."""
    made = replica(
        AUTH_ENABLED="true",
        AUTH_TOKEN="canary-token",
        MCP_REQUEST_STATE_KEYS="canary-key" * 4,
        MCP_LOG_LEVEL="debug",
    )
    for token in ("canary-token", "canary-wrong"):
        asked = with_headers(call("echo", text="canary-body"), Authorization=f"Bearer {token}")
        await http.post(f"{made.url}?key=canary-query", **asked)
    await http.post(made.url, content=b'{"canary-broken', headers=asked["headers"])
    assert made.stop() == 0
    assert "POST /mcp" in made.log
    assert "canary" not in made.log


@pytest.mark.parametrize("era", ERAS)
async def test_a_name_cannot_forge_a_line(shared, http, era):
    """Names come from the caller: a line break in one must not begin a line of the log."""
    forged = f"x\n12:00:00.000 INFO    tested [-] 200 forged in {era}"
    for method, params in (
        ("tools/call", {"name": forged, "arguments": {}}),
        ("resources/read", {"uri": forged}),
        (forged, {}),
    ):
        asked = with_headers(request(method, era, **params), X_Request_Id="forger")
        for name in ("Mcp-Name", "Mcp-Method"):  # a header cannot hold the line break
            asked["headers"].pop(name, None)
        await http.post(shared.url, **asked)
    await http.get(f"{shared.base}/x%0A12:00:00.000%20forged")
    await http.get(f"{shared.base}/bug", headers={"Connection": "close"})  # a traceback
    await http.post(shared.url, **with_headers(call("log", text=forged), X_Request_Id="forger-2"))
    shared.wait_for_log(rf"forged in {era}")
    for line in shared.log.splitlines():
        assert not line.startswith("12:00:00.000")
        assert re.match(r"\d\d:\d\d:\d\d\.\d{3} [A-Z]+ +tested |    ", line)


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_a_long_name_is_cut(replica, http, log_format):
    """A megabyte of name is not a megabyte of log."""
    made = replica(MCP_LOG_FORMAT=log_format)
    asked = with_headers(call("n" * 100_000, "legacy"), X_Request_Id="long")
    await http.post(made.url, **asked)
    await http.get(f"{made.base}/{'p' * 20_000}", headers={"X-Request-Id": "long-path"})
    made.wait_for_log("long-path")
    assert max(len(line) for line in made.log.splitlines()) < 2000


async def test_health_checks_are_quiet(shared, http):
    """A balancer asks every second; at INFO that would be most of the log."""
    for path in ("/healthz", "/readyz"):
        await http.get(shared.base + path, headers={"X-Request-Id": "probe"})
    await http.get(f"{shared.base}/version", headers={"X-Request-Id": "after-probe"})
    shared.wait_for_log("after-probe")
    assert "[probe]" not in shared.log


async def test_a_client_that_leaves_is_logged_with_status_0(replica, http):
    """No answer had begun: the line says so instead of inventing a status."""
    made = replica(MCP_JSON_RESPONSE="false")
    asked = with_headers(call("sleep", seconds=30), X_Request_Id="gone")
    calling = asyncio.create_task(http.post(made.url, **asked))
    await made.logged("the sleep begins")
    calling.cancel()
    assert " 0 POST /mcp tools/call sleep cancelled " in (await made.logged(r".*\[gone\].* ms$"))[0]
