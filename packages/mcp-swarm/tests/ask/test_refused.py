"""Where nobody can be asked: an error at once that names what to change, never a hang."""

import asyncio
import time

import mcp_types as types
import pytest
import uvloop
from mcp.client import Client
from mcp.shared.exceptions import MCPError

from lab import mcp_wire
from lab.mcp_wire import answer, call, request, with_headers
from lab.scripted_user import Person
from mcp_swarm.calls import timeout

ASKING = ("lab.sample.asking",)
SESSIONS = {"MCP_STATELESS_HTTP": "false", "MCP_JSON_RESPONSE": "false"}
ASKS = [("pay", {}), ("think", {"about": "x"}), ("where", {}), ("log_in", {})]


@pytest.mark.parametrize("json", ["true", "false"])
async def test_without_sessions_an_old_client_is_told_the_setting(shared_replica, json):
    """The error names MCP_STATELESS_HTTP and REDIS_URL, for ctx.elicit() too."""
    made = shared_replica(packages=ASKING, MCP_JSON_RESPONSE=json)
    async with Person().calls(made.url, "legacy") as ask, asyncio.timeout(60):
        for tool, arguments in [*ASKS, ("elicit_directly", {})]:
            text = await ask(tool, **arguments)
            assert "MCP_STATELESS_HTTP=false" in text
            assert "REDIS_URL=redis://" in text
        with pytest.raises(MCPError, match="MCP_STATELESS_HTTP=false"):
            await ask.client.get_prompt("greeting")
        with pytest.raises(MCPError, match="MCP_STATELESS_HTTP=false"):
            await ask.client.read_resource("asking://report")


@pytest.mark.parametrize("json", ["true", "false"])
@pytest.mark.parametrize("tool", ["elicit_directly", "think_directly"])
async def test_a_new_client_asked_by_the_old_way_is_told_the_one_for_both(
    shared_replica, tool, json
):
    """FastMCP and the SDK would name no way out, and mask what ctx.session raises."""
    made = shared_replica(packages=ASKING, MCP_JSON_RESPONSE=json)
    async with Person().calls(made.url, "modern") as ask, asyncio.timeout(60):
        assert "ask with mcp_swarm.ask, which works with every client" in await ask(tool)


async def opened(http, made, **capabilities):
    """Headers of a session begun by hand: no GET stream is open."""
    params = {
        "protocolVersion": mcp_wire.LEGACY,
        "capabilities": capabilities,
        "clientInfo": {"name": "t", "version": "1"},
    }
    response = await http.post(made.url, **request("initialize", "legacy", **params))
    headers = {"Mcp-Session-Id": response.headers["mcp-session-id"]}
    ready = with_headers(request("notifications/initialized", "legacy"), **headers)
    del ready["json"]["id"]
    await http.post(made.url, **ready)
    return headers


@pytest.mark.parametrize("json", ["true", "auto"])
async def test_json_answers_and_no_get_stream_name_the_setting(shared_replica, http, json):
    """By the server's choice or the caller's: a few unanswered pings show that nobody hears."""
    made = shared_replica(packages=ASKING, MCP_STATELESS_HTTP="false", MCP_JSON_RESPONSE=json)
    headers = await opened(http, made, elicitation={})

    async def refused(tool):
        asked = with_headers(call(tool, "legacy"), Accept="application/json", **headers)
        asked["json"]["id"] = tool
        result = answer(await http.post(made.url, **asked))["result"]
        assert result["isError"] is True
        assert "MCP_JSON_RESPONSE=auto" in result["content"][0]["text"]

    await asyncio.gather(refused("pay"), refused("elicit_directly"))


@pytest.mark.parametrize(
    ("tool", "arguments", "capability"),
    [(*ask, name) for ask, name in zip(ASKS, ("form", "sampling", "roots", "url"), strict=True)],
)
async def test_in_a_session_the_missing_capability_is_named(
    shared_replica, http, tool, arguments, capability
):
    """Known from the handshake, so the client is not bothered with what it cannot do."""
    made = shared_replica(packages=ASKING, **SESSIONS)
    headers = await opened(http, made)
    asked = with_headers(call(tool, "legacy", **arguments), **headers)
    result = answer(await http.post(made.url, **asked))["result"]
    assert result["isError"] is True
    assert capability in result["content"][0]["text"]
    assert "has not declared" in result["content"][0]["text"]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-1, "refused: decline"),
        (-32603, "The client answered 'thought' with an error: no model today (-32603)."),
    ],
)
async def test_a_rejected_sampling_is_a_refusal_and_another_error_is_told(
    shared_replica, code, text
):
    """-1 is the protocol's word for a user who said no."""
    made = shared_replica(packages=ASKING, **SESSIONS)

    async def sampled(context, params):
        return types.ErrorData(code=code, message="no model today")

    async with Client(made.url, mode="legacy", sampling_callback=sampled, cache=None) as client:
        result = await client.call_tool("think", {"about": "x"})
    assert result.content[0].text == text


async def test_roots_that_the_user_keeps_are_told_as_such(shared_replica):
    """They have no refusal of their own: it is an error that a tool may catch."""
    made = shared_replica(packages=ASKING, **SESSIONS)

    async def rooted(context):
        return types.ErrorData(code=-1, message="no")

    async with Client(made.url, mode="legacy", list_roots_callback=rooted, cache=None) as client:
        result = await client.call_tool("where", {})
    assert result.content[0].text == "The user did not allow the client to share its folders."


class Slow(Person):
    """Somebody who takes their time."""

    async def calls_after(self, url, pause, tool, /, **arguments):
        async def elicited(context, params):
            await asyncio.sleep(pause)
            return types.ElicitResult(action="accept", content={"value": True})

        async with Client(url, mode="legacy", elicitation_callback=elicited, cache=None) as client:
            return (await client.call_tool(tool, arguments)).content[0].text


@pytest.mark.parametrize("tool", ["pay", "elicit_directly"])
async def test_the_time_limit_of_a_call_does_not_run_while_a_person_thinks(shared_replica, tool):
    """The user takes longer than MCP_CALL_TIMEOUT, and the call goes on."""
    made = shared_replica(packages=ASKING, MCP_CALL_TIMEOUT="2", **SESSIONS)
    text = await Slow().calls_after(made.url, 3, tool)
    assert text == {"pay": "paid 10", "elicit_directly": "accept"}[tool]


async def test_if_the_clock_ran_on_the_call_would_be_ended(shared_replica):
    """The control."""
    made = shared_replica(
        packages=ASKING, MCP_CALL_TIMEOUT="2", without=["paused-timeout"], **SESSIONS
    )
    assert "MCP_CALL_TIMEOUT" in await Slow().calls_after(made.url, 10, "pay")


async def test_after_the_answer_the_time_limit_runs_again(shared_replica):
    """What is left of it holds for the work that follows."""
    made = shared_replica(packages=ASKING, MCP_CALL_TIMEOUT="1", **SESSIONS)
    text = await Slow().calls_after(made.url, 1.5, "ask_then_work", seconds=30)
    assert "did not finish within 1 s (MCP_CALL_TIMEOUT)" in text


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_clock_with_nothing_left_can_be_held_and_go_on(new_loop):
    """The question was asked in the last instant: the limit ends the call after the answer."""

    async def run():
        clock = timeout._Clock(0.01)
        time.sleep(0.05)  # noqa: ASYNC251 - the loop itself is late
        clock.stop()
        await asyncio.sleep(0.05)
        assert not clock.over.done()
        clock.go_on()
        clock.stop()
        clock.go_on()
        await asyncio.wait_for(clock.over, 20)

    loop = new_loop()
    loop.run_until_complete(run())
    loop.close()


@pytest.mark.parametrize("tool", ["pay", "elicit_directly"])
async def test_a_question_that_nobody_answers_ends_by_its_own_limit(shared_replica, tool):
    """The error names MCP_ASK_TIMEOUT."""
    made = shared_replica(packages=ASKING, MCP_ASK_TIMEOUT="1", **SESSIONS)
    text = await Slow().calls_after(made.url, 20, tool)
    assert "Nobody answered within 1 s (MCP_ASK_TIMEOUT)" in text
