"""The traps of FastMCP 4.1 and the MCP SDK 2.3, each closed, and shown by tests.

docs/traps.md says what they are.
"""

import asyncio
import json

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as RedisTimeoutError

from lab import mcp_wire
from lab.mcp_wire import ERAS, answer, call, request, text, with_headers
from lab.replica import SECONDS_TO_START
from lab.service_name import NAME
from mcp_swarm.redis import Store
from mcp_swarm.sessions.inbox import WAIT


async def lists_during_a_call(http, made):
    """How many `tools/list` pass through the middleware because of one call with arguments."""

    async def seen():
        result = answer(await http.post(made.url, **call("seen")))["result"]
        return result["structuredContent"]["result"].count("tools/list")

    before = await seen()
    await http.post(made.url, **call("add", a=1, b=2))
    return await seen() - before


async def test_a_call_lists_no_tools(replica, http):
    """T1: a modern call costs one pass through the middleware, not a list of all tools too."""
    assert await lists_during_a_call(http, replica()) == 0


async def test_without_the_lookup_each_call_lists_all_tools(replica, http):
    """The control of T1."""
    assert await lists_during_a_call(http, replica(without=["schema-lookup"])) == 1


async def log_messages_after_set_level(http, made):
    """One client asks for errors only; then another one calls a tool that tells it something."""
    level = await http.post(made.url, **request("logging/setLevel", "legacy", level="error"))
    async with http.stream("POST", made.url, **call("tell", "legacy", text="x")) as response:
        got = [message async for message in mcp_wire.stream(response)]
    return answer(level), [m for m in got if m.get("method") == "notifications/message"]


async def test_one_clients_log_level_does_not_mute_another(replica, http):
    """T3: without sessions there is nobody to remember a level for, so setLevel is refused."""
    refused, messages = await log_messages_after_set_level(http, replica(MCP_JSON_RESPONSE="false"))
    assert refused["error"]["code"] == -32601
    assert len(messages) == 1


async def test_without_the_refusal_one_client_mutes_all(replica, http):
    """The control of T3."""
    made = replica(MCP_JSON_RESPONSE="false", without=["log-level-refusal"])
    accepted, messages = await log_messages_after_set_level(http, made)
    assert "result" in accepted
    assert messages == []


async def initialize(http, made):
    params = {
        "protocolVersion": mcp_wire.LEGACY,
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    return await http.post(made.url, **request("initialize", "legacy", **params))


async def test_a_stateless_server_does_not_promise_log_levels(shared, http):
    """T3: what is refused is not advertised."""
    capabilities = answer(await initialize(http, shared))["result"]["capabilities"]
    assert "logging" not in capabilities


async def test_in_sessions_log_levels_are_each_clients_own(replica, http):
    """T3 does not apply there: setLevel is kept, for the session that asked."""
    made = replica(MCP_JSON_RESPONSE="false", MCP_STATELESS_HTTP="false")
    sessions = [
        {"Mcp-Session-Id": (await initialize(http, made)).headers["mcp-session-id"]}
        for _ in range(2)
    ]
    asked = request("logging/setLevel", "legacy", level="error")
    await http.post(made.url, **with_headers(asked, **sessions[0]))
    counts = []
    for headers in sessions:
        reported = with_headers(call("tell", "legacy", text="x"), **headers)
        got = list(mcp_wire.events((await http.post(made.url, **reported)).text))
        counts.append(len([m for m in got if m.get("method") == "notifications/message"]))
    assert counts == [0, 1]


async def test_no_event_store_is_used(replica, http):
    """T6: FastMCP's cannot be replayed by another replica; nothing pretends that it could."""
    made = replica(MCP_JSON_RESPONSE="false", MCP_STATELESS_HTTP="false")
    opened = await initialize(http, made)
    assert "result" in answer(opened)
    ids = [line for line in opened.text.splitlines() if line.startswith("id:") and line[3:].strip()]
    assert ids == []


async def test_nothing_of_the_tasks_extension_is_imported(fresh, http):
    """T8 to T13 are traps of a library that a replica without background tools does not load."""
    made = fresh("-m", "lab.serve", "lab.sample.tools")
    made.wait_until_ready()
    asked = call("loaded", modules=["fastmcp_tasks", "docket", "cloudpickle", "burner_redis"])
    result = answer(await http.post(made.url, **asked))["result"]
    assert result["structuredContent"] == {"result": []}


async def test_a_read_that_waits_for_news_ends_without_an_error(valkey):
    """T15: as a replica reads its inbox; the control is a client as redis-py makes it."""
    store = Store(valkey.url, NAME)
    async with store.run(), Redis.from_url(valkey.url, retry=Retry(NoBackoff(), 0)) as plain:
        ours, theirs = await asyncio.gather(
            store.waiting.xread({store.key("inbox"): "0-0"}, block=int(WAIT * 1000) + 500),
            plain.xread({store.key("inbox"): "0-0"}, block=30_000),  # it gives up after 5 s
            return_exceptions=True,
        )
    assert not ours
    assert isinstance(theirs, RedisTimeoutError)


async def test_a_dotenv_file_changes_nothing(fresh, tmp_path, http):
    """T17: FastMCP reads `.env` of the working directory; a replica does not."""
    (tmp_path / "fresh-0").mkdir()
    (tmp_path / "fresh-0" / ".env").write_text(
        "FASTMCP_CLIENT_LOG_LEVEL=error\nFASTMCP_HOME=/from-dotenv\nMCP_REPLICA=from-dotenv\n"
    )
    made = fresh("-m", "lab.serve", "lab.sample.tools")
    made.wait_until_ready()
    response = await http.get(f"{made.base}/version")
    assert response.json()["hostname"] == "tested"
    for name, wrong in (("client_log_level", "error"), ("home", "/from-dotenv")):
        assert text(await http.post(made.url, **call("fastmcp_setting", name=name))) != wrong


def test_without_our_choice_the_dotenv_file_would_count(fresh, tmp_path):
    """The control of T17: FastMCP alone, in the same folder."""
    (tmp_path / "fresh-0").mkdir()
    (tmp_path / "fresh-0" / ".env").write_text("FASTMCP_CLIENT_LOG_LEVEL=error\n")
    made = fresh("-c", "import fastmcp; print('level', fastmcp.settings.client_log_level)")
    assert made.wait(SECONDS_TO_START) == 0
    assert "level error" in made.log


@pytest.mark.parametrize("era", ERAS)
async def test_no_answer_is_cached(shared, http, era):
    """T19: FastMCP's response cache would keep each tool's answer for an hour."""
    counts = [
        len(
            answer(await http.post(shared.url, **call("seen", era)))["result"]["content"][0]["text"]
        )
        for _ in range(2)
    ]
    assert counts[1] > counts[0]


async def test_a_pinned_client_works_without_knowing_what_the_server_can(shared):
    """T20: such a client has no capabilities to look at; ours does not need them."""
    from fastmcp import Client

    async with Client(shared.url, mode="2026-07-28") as client:
        assert (await client.call_tool("echo", {"text": "x"})).data == "x"


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_a_traceback_in_the_log_is_plain(replica, http, log_format):
    """T21: no boxes and no source listings; in JSON it is one field of one line."""
    made = replica(MCP_LOG_FORMAT=log_format)
    await http.post(made.url, **with_headers(call("fail"), X_Request_Id="traced"))
    made.wait_for_log("hunter2")
    assert not {"╭", "│", "❱"} & set(made.log)
    if log_format == "json":
        lines = [json.loads(line) for line in made.log.splitlines()]
        (traced,) = [line for line in lines if "traceback" in line]
        assert traced["request_id"] == "traced"
        assert "RuntimeError" in traced["traceback"]
