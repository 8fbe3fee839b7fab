"""The edge: every response names its replica, bodies are limited, routes answer as documented."""

import json

import pytest

from lab.mcp_wire import answer, call, request, text, with_headers
from mcp_swarm import __version__

MIB = 1024 * 1024
SDK_LIMIT = 4 * MIB


def body_of(size: int) -> bytes:
    """A call of echo that is `size` bytes long."""
    made = json.dumps(call("echo", "legacy", text="")["json"]).encode()
    return made.replace(b'"text": ""', b'"text": "' + b"x" * (size - len(made)) + b'"')


async def chunks(body: bytes):
    for at in range(0, len(body), 64 * 1024):
        yield body[at : at + 64 * 1024]


@pytest.mark.parametrize(
    ("status", "method", "path", "options"),
    [
        (200, "GET", "/version", {}),
        (200, "POST", "/mcp", call("echo", text="x")),
        (404, "GET", "/nowhere", {}),
        (405, "GET", "/mcp", {}),
        (405, "POST", "/version", {}),
        (405, "OPTIONS", "/mcp", {}),
        (405, "PUT", "/mcp", {}),
        (405, "DELETE", "/mcp", {}),
        (200, "HEAD", "/healthz", {}),
        (400, "POST", "/mcp", {**call("echo"), "json": {"not": "JSON-RPC"}}),
        (403, "GET", "/version", {"headers": {"Origin": "https://evil.example"}}),
        (413, "POST", "/mcp", {"content": b"x" * (SDK_LIMIT + 1)}),
        (421, "GET", "/version", {"headers": {"Host": "evil.example"}}),
    ],
)
async def test_every_response_names_its_replica_and_its_id(
    shared, http, status, method, path, options
):
    """Errors included: those are asked about."""
    response = await http.request(method, shared.base + path, **options)
    assert response.status_code == status
    assert response.headers.get_list("x-served-by") == ["tested"]
    assert len(response.headers.get_list("x-request-id")) == 1


async def test_an_error_of_the_server_itself_names_the_replica_and_tells_nothing(replica, http):
    """A bug in a route of ours: 500, the replica's name, no traceback for the caller."""
    made = replica()
    response = await http.get(f"{made.base}/bug", headers={"X-Request-Id": "bug"})
    assert response.status_code == 500
    assert response.headers["x-served-by"] == "tested"
    assert response.headers["x-request-id"] == "bug"
    assert "hunter2" not in response.text
    assert "500 GET /bug" in made.wait_for_log(r".*\[bug\] 500 .*")[0]


async def test_version_tells_replica_and_version(shared, http):
    """What the seed's `curl localhost:8150/version` loop reads."""
    response = await http.get(f"{shared.base}/version")
    assert response.json() == {"hostname": "tested", "version": __version__}


async def test_health_and_readiness_answer(shared, http):
    """200 once started; what they say while stopping is in test_graceful_stop.py."""
    health, ready = [await http.get(f"{shared.base}/{p}") for p in ("healthz", "readyz")]
    assert (health.status_code, health.json()) == (200, {"status": "alive"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("limit", [MIB, 8 * MIB])
async def test_the_body_limit_holds_below_and_above_the_sdks_own(replica, http, limit, chunked):
    """Declared or chunked, one byte more is 413, and the limit itself passes."""
    made = replica(MCP_BODY_LIMIT=limit)
    headers = {**request("ping", "legacy")["headers"], "Accept": "application/json"}

    async def post(size):
        body = body_of(size)
        return await http.post(made.url, content=chunks(body) if chunked else body, headers=headers)

    fits = await post(limit)
    assert fits.status_code == 200
    assert len(text(fits)) > limit - 200
    over = await post(limit + 1)
    assert over.status_code == 413
    assert over.headers["x-served-by"] == "tested"
    assert f"larger than {limit} bytes (MCP_BODY_LIMIT)" in over.json()["detail"]


async def test_without_our_limit_the_sdks_own_counts(replica, http):
    """The control: FastMCP does not pass the setting on (trap T18)."""
    made = replica(MCP_BODY_LIMIT=MIB, without=["body-limit"])
    headers = request("ping", "legacy")["headers"]
    assert (await http.post(made.url, content=body_of(2 * MIB), headers=headers)).status_code == 200


async def test_a_curl_that_accepts_json_only_is_answered(shared, http):
    """The acceptance line of the README: no session, no event stream, no handshake."""
    response = await http.post(
        shared.url,
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
        headers={"Accept": "application/json"},
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert "echo" in [tool["name"] for tool in answer(response)["result"]["tools"]]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(b"{", 400, -32700), (b"[]", 400, -32600), (b"\xff\xfe", 400, -32700), (b"", 400, -32700)],
)
async def test_nonsense_is_told_as_json_rpc(shared, http, content, status, code):
    """A parse error is the caller's: no traceback, and the replica goes on."""
    response = await http.post(shared.url, content=content, headers=call("echo")["headers"])
    assert (response.status_code, answer(response)["error"]["code"]) == (status, code)


async def test_a_mirrored_header_is_checked_against_the_body(shared, http):
    """x-mcp-header (2026-07-28): a router must be able to believe the header."""
    asked = call("ship", region="eu", crates=2)
    right = await http.post(shared.url, **with_headers(asked, Mcp_Param_Region="eu"))
    assert text(right) == "2 to eu"
    wrong = await http.post(shared.url, **with_headers(asked, Mcp_Param_Region="us"))
    assert (wrong.status_code, answer(wrong)["error"]["code"]) == (400, -32020)
