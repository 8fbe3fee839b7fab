"""What a session is refused, how long it lives, and how many there may be."""

import asyncio
import json

import pytest

from lab import mcp_wire
from lab.legacy import SETTINGS, Session, final, rest
from lab.mcp_wire import is_error, request, text, with_headers
from lab.service_name import NAME

pytestmark = pytest.mark.processes

INITIALIZE = {
    "protocolVersion": mcp_wire.LEGACY,
    "capabilities": {},
    "clientInfo": {"name": "t", "version": "1"},
}


@pytest.mark.parametrize("invented", ["mine", "0" * 32, "../../etc", "g" * 32])
async def test_a_session_id_that_was_not_given_out_is_not_found(http, replicas, invented):
    """Nobody can fix another's session to one they know."""
    session = Session(http, replicas, {"Mcp-Session-Id": invented})
    assert (await session.call("echo", text="x")).status_code == 404
    assert (await session.ask("initialize")).status_code == 404
    async with session.get() as response:
        assert response.status_code == 404
    assert (await session.delete()).status_code == 404


async def test_without_a_session_only_initialize_is_served(http, replicas):
    """400, and which header is missing."""
    response = await Session(http, replicas).call("echo", text="x")
    assert response.status_code == 400
    assert "Missing session ID" in response.json()["error"]["message"]


async def test_a_session_is_initialized_once(session):
    """A second time would change under running calls who the client is."""
    params = {"protocolVersion": mcp_wire.LEGACY, "capabilities": {}}
    response = await session.ask(
        "initialize", **params, clientInfo={"name": "other", "version": "1"}
    )
    assert response.status_code == 400
    assert json.loads(text(await session.call("met")))["client"] == "by-hand"


BAD = {
    "a batch": ({"content": '[{"jsonrpc":"2.0","id":1,"method":"ping"}]'}, 400),
    "no JSON": ({"content": "{"}, 400),
    "no JSON-RPC": ({"content": '{"id": 1}'}, 400),
    "another type": ({"content": "{}", "type": "text/plain"}, 415),
}


@pytest.mark.parametrize("what", BAD)
async def test_what_is_not_one_message_is_refused(session, http, replicas, what):
    """With the status that says what to change."""
    made, status = BAD[what]
    headers = {
        **session.headers,
        "Content-Type": made.get("type", "application/json"),
        "Accept": mcp_wire.BOTH,
    }
    response = await http.post(replicas[0].url, content=made["content"], headers=headers)
    assert response.status_code == status, response.text
    assert "error" in response.json()


async def test_an_unknown_protocol_version_is_refused(session, http, replicas):
    """Before the session is looked at."""
    asked = with_headers(request("ping", "legacy"), **session.headers)
    asked["headers"]["MCP-Protocol-Version"] = "1999-01-01"
    assert (await http.post(replicas[0].url, **asked)).status_code == 400


async def test_an_error_of_a_tool_tells_no_secret(session):
    """As in every other mode."""
    response = await session.call("fail")
    assert is_error(response)
    assert "hunter2" not in response.text


async def test_an_unused_session_expires_and_a_used_one_does_not(http, service, valkey):
    """MCP_SESSION_TTL counts from the last use."""
    made = service(**SETTINGS, MCP_SESSION_TTL="5")
    used, unused = [await Session(http, [made]).open() for _ in range(2)]
    with valkey.client() as client:
        while client.exists(f"{NAME}:session:{{{unused.id}}}"):
            await asyncio.sleep(0.2)
            assert (await used.call("echo", text="x")).status_code == 200
    assert (await unused.call("echo", text="x")).status_code == 404


async def test_an_open_stream_and_a_running_call_are_use(http, service):
    """Neither loses its session, however long it takes."""
    made = service(**SETTINGS, MCP_SESSION_TTL="5")
    session = await Session(http, [made]).open()
    async with session.streamed("sleep", seconds=8) as stream:
        assert final(await rest(stream))["result"]
    assert (await session.call("echo", text="x")).status_code == 200


async def test_too_many_sessions_are_refused_until_one_ends(http, service):
    """The limit is the service's, over all replicas; those that are open are served."""
    replicas = [service(**SETTINGS, MCP_SESSION_LIMIT="2") for _ in range(2)]
    one, _ = [await Session(http, replicas).open() for _ in range(2)]
    for made in replicas:
        refused = await Session(http, [made]).ask("initialize", **INITIALIZE)
        error = refused.json()["error"]
        assert error["data"]["retryAfterSeconds"] == 30
        assert "MCP_SESSION_LIMIT" in error["message"]
        assert "mcp-session-id" not in refused.headers
    assert (await one.call("echo", text="x")).status_code == 200
    await one.delete()
    await Session(http, replicas).open()


async def test_every_key_of_sessions_expires(http, service, valkey):
    """Whatever was used: streams, calls, subscriptions, inboxes."""
    replicas = [service(**SETTINGS)]
    session = await Session(http, replicas).open()
    async with session.listen(replicas[0]):
        await session.ask("resources/subscribe", uri="sample://greeting")
        await session.call("count", to=2)
        await session.call("announce", times=2)
        await session.call("touch", uri="sample://greeting")
        await session.call("note_fact", fact="x")
        with valkey.client() as client:
            lives = {key.decode(): client.pttl(key) for key in client.scan_iter()}
    kinds = {name.split(":")[1] for name in lives}
    assert {"session", "sessions", "listeners", "subscribers", "replica", "inbox"} <= kinds
    assert {name: ttl for name, ttl in lives.items() if ttl == -1} == {}  # -2: it expired just now
