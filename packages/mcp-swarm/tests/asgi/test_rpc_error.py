"""Clients of 2025-11-25 or older get a JSON-RPC error in HTTP 200 where HTTP has an error status."""

import asyncio
import json
from random import Random

import httpx2
import pytest
from starlette.responses import JSONResponse

from lab.legacy import SETTINGS, Session
from lab.mcp_wire import BOTH, call, request, with_headers
from mcp_swarm.asgi.crash import CrashMiddleware
from mcp_swarm.asgi.rpc_error import RpcErrorMiddleware
from mcp_swarm.asgi.rpc_error.message import Ends
from mcp_swarm.errors import STORE_UNAVAILABLE, TOO_BUSY
from mcp_swarm.problem import problem

SIZES = (10, 40_000, 3_000_000)
IDS = ("7", "-12", "0", "9007199254740993", '"7"', '"a\\"b"', '"\\u00e9\\\\"', '"{,\\"id\\":1}"')
ORDERS = {
    "the Python SDK's": '{"method":"tools/call","params":PARAMS,"jsonrpc":"2.0","id":ID}',
    "the id first": '{"jsonrpc":"2.0","id":ID,"method":"tools/call","params":PARAMS}',
    "with spaces": ' {\n "method" : "tools/call" , "params" : PARAMS ,\n "id" : ID } \n',
}
OLDER = {"Accept": BOTH, "Content-Type": "application/json"}


def written(order: str, request_id: str, size: int) -> bytes:
    """A request in which much looks like an id, and is none."""
    decoys = {"id": 1, "arguments": {"text": '","id":2}' + "x" * size, "id": "3"}}
    return ORDERS[order].replace("ID", request_id).replace("PARAMS", json.dumps(decoys)).encode()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("request_id", IDS)
@pytest.mark.parametrize("order", ORDERS)
def test_an_id_is_found_as_it_was_written(order, request_id, size):
    """Wherever it stands, however long the body is, and however it arrives."""
    body, rng, ends = written(order, request_id, size), Random(7), Ends()
    at = 0
    while at < len(body):
        part = rng.randint(0, 70_000)
        ends.add(body[at : at + part])
        at += part
    assert ends.request_id() == request_id.encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
        b'{"jsonrpc":"2.0","id":1,"result":{"action":"decline"}}',  # answers a question of ours
        b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}',
        b'{"jsonrpc":"2.0","method":"ping","params":{"id":7}}',
        b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
    ],
)
def test_what_is_no_request_has_no_id(body):
    """Notifications, answers, batches and broken bodies keep the status that they get."""
    ends = Ends()
    ends.add(body)
    assert ends.request_id() is None


async def refused(app, body=b'{"method":"ping","id":7}', **headers):
    """The answer of an app behind the middleware."""
    transport = httpx2.ASGITransport(app=RpcErrorMiddleware(app, path="/mcp"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post("/mcp", content=body, headers={**OLDER, **headers})


async def crashes(scope, receive, send):
    await receive()
    raise RuntimeError("the password is hunter2")


@pytest.mark.parametrize(
    ("status", "executed"), [(413, "no"), (429, "no"), (502, "unknown"), (503, "no")]
)
async def test_every_error_says_whether_the_call_ran(status, executed):
    """By its status, unless the error says it itself."""
    response = await refused(problem(status, "Refused", "Send less."))
    assert response.status_code == 200
    error = response.json()["error"]
    assert error["message"] == "Send less."
    assert error["data"] == {"executed": executed}


async def test_a_crash_may_have_run_the_call():
    """500: nobody knows, and nothing of the cause is sent."""
    response = await refused(CrashMiddleware(crashes))
    assert response.json()["error"]["data"] == {"executed": "unknown"}
    assert "hunter2" not in response.text


async def test_an_error_in_json_rpc_keeps_its_code_and_data():
    """The id is added; what the error says of itself counts more than its status."""
    error = {
        "code": -31002,
        "message": "Later.",
        "data": {"retryable": True, "executed": "unknown"},
    }
    body = {"jsonrpc": "2.0", "id": None, "error": error}
    app = JSONResponse(body, status_code=503, headers={"Retry-After": "4"})
    assert (await refused(app)).json() == {
        "jsonrpc": "2.0",
        "id": 7,
        "error": {**error, "data": {**error["data"], "retryAfterSeconds": 4}},
    }


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_statuses_with_a_meaning_in_the_protocol_stay(status):
    """Clients act on them: they authorize, or open a new session."""
    assert (await refused(problem(status, "", ""))).status_code == status


@pytest.mark.parametrize(
    "headers",
    [{"Accept": "*/*"}, {"Accept": "application/json"}, {"MCP-Protocol-Version": "2026-07-28"}],
)
async def test_others_get_the_real_status(headers):
    """Plain curl, and the protocol of 2026-07-28, whose clients read errors with any status."""
    assert (await refused(problem(503, "", ""), **headers)).status_code == 503


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_an_error_of_its_request(replica, http, chunked):
    """The id comes last, after all that is too much; the log has the real status."""
    made = replica(mcp_body_limit=100_000)
    body = written("the Python SDK's", "9007199254740993", 3_000_000)

    async def parts():
        for at in range(0, len(body), 65_536):
            yield body[at : at + 65_536]

    headers = {**OLDER, "X-Request-Id": "large-1"}
    response = await http.post(made.url, content=parts() if chunked else body, headers=headers)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert b'"id":9007199254740993,' in response.content
    assert response.json()["error"]["data"]["executed"] == "no"
    assert "MCP_BODY_LIMIT" in response.json()["error"]["message"]
    await made.logged(r"\[large-1\] 413 POST /mcp")


async def test_without_the_middleware_it_is_a_413(replica, http):
    """The control, of which a client of the Python SDK 1.x ends."""
    made = replica(mcp_body_limit=100_000, without=["rpc-error"])
    body = written("the Python SDK's", "1", 3_000_000)
    assert (await http.post(made.url, content=body, headers=OLDER)).status_code == 413


async def test_a_body_that_never_ends_gets_the_real_status(monkeypatch):
    """How long is read on for the id is limited."""
    monkeypatch.setattr("mcp_swarm.asgi.rpc_error.MAX_SECONDS", 0.05)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/mcp",
        "headers": [(b"accept", BOTH.encode())],
    }
    sent = []

    async def receive():
        await asyncio.sleep(5)

    async def send(message):
        sent.append(message)

    await RpcErrorMiddleware(problem(413, "", ""), path="/mcp")(scope, receive, send)
    assert sent[0]["status"] == 413


async def test_an_unavailable_redis_is_an_error_of_the_request(http, service, valkey):
    """Nothing ran, and when to try again is said."""
    made = service(**SETTINGS)
    session = await Session(http, [made]).open()
    valkey.kill()
    asked = with_headers(call("echo", "legacy", text="x"), **session.headers)
    response = await http.post(made.url, **asked)
    assert response.status_code == 200
    error = response.json()["error"]
    assert (response.json()["id"], error["code"]) == (1, STORE_UNAVAILABLE)
    assert error["data"] == {"retryable": True, "executed": "no", "retryAfterSeconds": 1}


async def test_too_many_sessions_are_an_error_of_initialize(http, service):
    """With the time after which to try again."""
    made = service(**SETTINGS, mcp_session_limit=1)
    new = {"capabilities": {}, "clientInfo": {"name": "new", "version": "1"}}
    asked = request("initialize", "legacy", 5, protocolVersion="2025-11-25", **new)
    assert "result" in (await http.post(made.url, **asked)).json()
    response = await http.post(made.url, **asked)
    assert (response.status_code, response.json()["id"]) == (200, 5)
    assert response.json()["error"]["data"]["retryAfterSeconds"] == 30


async def test_a_busy_problem_has_the_code_for_busy():
    """429 and 503 without a JSON-RPC error of their own."""
    assert (await refused(problem(429, "", "x"))).json()["error"]["code"] == TOO_BUSY
