"""A session that this process does not know: its client starts anew, the operator learns why."""

from uuid import uuid4

import pytest

from lab.legacy import SETTINGS, Session
from lab.mcp_wire import LEGACY, text

WORD = "a client named a session that this replica does not know"


async def asked_for(session, name):
    """What a request in the session `name` is answered."""
    session.headers["Mcp-Session-Id"] = name
    return await session.call("echo", text="x")


@pytest.mark.parametrize("auth", [{}, {"AUTH_ENABLED": "true", "AUTH_TOKEN": "good"}])
async def test_in_memory_the_log_names_what_serves_it_everywhere(replica, http, auth):
    """Once a replica; the client is told no more than that it is unknown."""
    made = replica(**SETTINGS, **auth)
    session = await Session(http, [made], {"Authorization": "Bearer good"}).open()
    assert text(await session.call("echo", text="x")) == "x"
    assert WORD not in made.log
    for _ in range(3):
        refused = await asked_for(session, uuid4().hex)
        assert refused.status_code == 404
        assert refused.json()["error"]["message"] == "Session not found"
    (line,) = [line for line in made.log.splitlines() if WORD in line]
    assert "WARNING" in line
    assert "REDIS_URL=redis://" in line


async def test_where_every_replica_knows_every_session_it_is_none_of_its_business(http, service):
    """It has ended, or never was."""
    made = service(**SETTINGS)
    session = await Session(http, [made]).open()
    assert (await asked_for(session, uuid4().hex)).status_code == 404
    assert WORD not in made.log


async def test_in_memory_one_session_too_many_gets_an_error_with_the_limit(replica, http):
    """An error, when to come again, and the setting, as where Redis keeps them; a place becomes free."""
    made = replica(**SETTINGS, MCP_SESSION_LIMIT="1")
    first = await Session(http, [made]).open()
    params = {"protocolVersion": LEGACY, "capabilities": {}}
    params["clientInfo"] = {"name": "t", "version": "1"}
    refused = await Session(http, [made]).ask("initialize", **params)
    error = refused.json()["error"]
    assert "1 are open (MCP_SESSION_LIMIT)" in error["message"]
    assert error["data"] == {"retryable": True, "executed": "no", "retryAfterSeconds": 30}
    await first.delete()
    await Session(http, [made]).open()
