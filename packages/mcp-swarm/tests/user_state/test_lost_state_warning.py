"""What a tool keeps by its context where no session keeps it: an error, or a warning to the operator."""

import pytest

from lab.legacy import PACKAGES, SETTINGS, Session
from lab.mcp_wire import call, is_error, text, with_headers

WORD = "stores something with ctx.set_state, which is lost after the call"


def warnings(made):
    return [line for line in made.log.splitlines() if WORD in line]


@pytest.mark.parametrize("without", [(), ("fast-path",)], ids=["fast path", "framework"])
@pytest.mark.parametrize("form", ["true", "auto", "false"])
@pytest.mark.parametrize("stateless", ["true", "false"])
async def test_a_client_of_2026_is_not_told_that_it_is_kept(
    replica, http, without, form, stateless
):
    """It is an error each time, which names what to use; the log has it in one line."""
    options = {"MCP_JSON_RESPONSE": form, "MCP_STATELESS_HTTP": stateless}
    made = replica(packages=PACKAGES, without=without, **options)
    for _ in range(2):
        refused = await http.post(made.url, **call("note_fact", fact="x"))
        assert is_error(refused)
        assert "UserSession" in text(refused)
        assert "session_id: SessionId" in text(refused)
        assert "docs/state.md" in text(refused)
    assert text(await http.post(made.url, **call("noted_fact"))) == "None"
    assert warnings(made) == []
    assert "Error calling tool 'note_fact': ctx.set_state stores a value" in made.log
    assert "Traceback" not in made.log


@pytest.mark.parametrize("without", [(), ("fast-path",)], ids=["fast path", "framework"])
async def test_one_warning_a_tool_names_what_to_change(replica, http, without):
    """For older clients, however often it is called; a tool that only looks is not meant."""
    made = replica(packages=PACKAGES, without=without)
    for _ in range(3):
        assert text(await http.post(made.url, **call("note_fact", "legacy", fact="x"))) == "noted"
        assert text(await http.post(made.url, **call("noted_fact", "legacy"))) == "None"
    (line,) = warnings(made)
    assert "WARNING" in line
    assert "tools/call 'note_fact'" in line
    assert "MCP_STATELESS_HTTP=false" in line
    assert "UserSession" in line


@pytest.mark.parametrize("shared", [True, False], ids=["redis", "memory"])
async def test_a_session_keeps_it_and_nothing_is_warned_of(service, replica, http, shared):
    """Clients of 2026-07-28 have none there either."""
    made = (service if shared else replica)(**SETTINGS)
    session = await Session(http, [made]).open()
    await session.call("note_fact", fact="x")
    assert text(await session.call("noted_fact")) == "x"
    assert is_error(await http.post(made.url, **call("note_fact", fact="x")))
    assert warnings(made) == []


async def test_what_is_kept_for_the_call_alone_is_not_meant(replica, http):
    """`serializable=False` says that it is."""
    made = replica(packages=PACKAGES)
    assert text(await http.post(made.url, **call("note_for_now"))) == "now"
    assert warnings(made) == []


HIDDEN = "stores something with ctx.disable_components, which is lost after the call"


@pytest.mark.parametrize("without", [(), ("fast-path",)], ids=["fast path", "framework"])
async def test_what_is_hidden_from_an_older_client_without_a_session_is_told_too(
    replica, http, without
):
    """Nobody remembers it, and its client is not told."""
    made = replica(packages=PACKAGES, without=without)
    for _ in range(2):
        assert text(await http.post(made.url, **call("hide", "legacy", name="echo"))) == "hidden"
        assert text(await http.post(made.url, **call("echo", "legacy", text="x"))) == "x"
    (line,) = [line for line in made.log.splitlines() if HIDDEN in line]
    assert "WARNING" in line
    assert "tools/call 'hide'" in line
    assert "MCP_STATELESS_HTTP=false" in line


async def test_what_is_hidden_in_a_session_or_from_a_caller_holds(service, http):
    """In a session of an older client, and for a caller of 2026-07-28 that has a name."""
    made = service(**SETTINGS, AUTH_ENABLED="true", AUTH_TOKEN="token")
    token = {"Authorization": "Bearer token"}
    session = await Session(http, [made], token).open()
    assert text(await session.call("hide", name="echo")) == "hidden"
    assert "Unknown tool" in text(await session.call("echo", text="x"))
    asked = [with_headers(call(*named), **token) for named in (("hide",), ("echo",))]
    asked[0]["json"]["params"]["arguments"] = {"name": "echo"}
    assert text(await http.post(made.url, **asked[0])) == "hidden"
    assert "Unknown tool" in (await http.post(made.url, **asked[1])).text
    assert HIDDEN not in made.log
