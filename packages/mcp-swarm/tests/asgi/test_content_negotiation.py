"""`MCP_JSON_RESPONSE=auto`: the client's `Accept` decides the form of each answer."""

import asyncio

import httpx2
import pytest

from lab import mcp_wire
from lab.mcp_wire import BOTH, ERAS, answer, call, events, request, stream, text, with_headers
from mcp_swarm.asgi.content_negotiation.header import Accepted, parse

pytestmark = pytest.mark.processes

JSON, EVENTS = "application/json", "text/event-stream"


@pytest.fixture(scope="module")
def auto(tmp_path_factory):
    """One replica that lets the client decide; no test changes it."""
    from lab import replica

    made = replica.start(tmp_path_factory.mktemp("auto"), MCP_JSON_RESPONSE="auto")
    try:
        made.wait_until_ready()
        yield made
    finally:
        made.end()


def counting(era, to=3, **headers):
    """A call that reports progress."""
    asked = call("count", era, to=to)
    asked["json"]["params"].setdefault("_meta", {})["progressToken"] = "p"
    return with_headers(asked, **headers)


def form(response):
    return response.headers["content-type"].partition(";")[0]


@pytest.mark.parametrize(
    ("header", "json", "events"),
    [
        (None, 1, 0),
        ("", 1, 0),
        ("*/*", 1, 1),
        ("application/json", 1, 0),
        ("APPLICATION/JSON; charset=utf-8", 1, 0),
        ("application/json, text/event-stream", 1, 1),
        ("text/event-stream;q=0.5, application/json;q=0.8", 0.8, 0.5),
        ("text/event-stream , application/json;q=0.2", 0.2, 1),
        ("*/*;q=0.1, application/json", 1, 0.1),
        ("*/*, text/event-stream;q=0", 1, 0),
        ("application/*;q=0.3, text/*;q=0.4, */*;q=0.9", 0.3, 0.4),
        ("text/html", 0, 0),
        ("application/json;q=2, text/event-stream", 0, 1),
        (",;,application/json", 1, 0),
    ],
)
def test_accept_is_read_as_rfc_9110_says(header, json, events):
    """The more specific range counts; q is the weight, 0 refuses; what cannot be read is not there."""
    assert parse(header) == Accepted(json=json, events=events)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("accept", [JSON, f"{JSON}, {EVENTS};q=0.5", f"{JSON}, */*;q=0.1"])
async def test_who_takes_json_only_or_rather_gets_json(auto, http, era, accept):
    """Although the call reports progress, which is left out."""
    response = await http.post(auto.url, **counting(era, Accept=accept))
    assert response.status_code == 200
    assert form(response) == JSON
    assert text(response) == "counted to 3"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("accept", [BOTH, "*/*", f"{JSON};q=0.5, {EVENTS};q=0.5"])
async def test_who_takes_streams_gets_one_when_the_call_uses_it(auto, http, era, accept):
    """Progress before the result."""
    response = await http.post(auto.url, **counting(era, Accept=accept))
    assert form(response) == EVENTS
    *progress, result = events(response.text)
    assert [m["params"]["progress"] for m in progress] == [1, 2, 3]
    assert result["result"]["content"][0]["text"] == "counted to 3"


@pytest.mark.parametrize("era", ERAS)
async def test_who_takes_streams_gets_log_messages(auto, http, era):
    """What the tool tells its client."""
    asked = call("tell", era, text="hello")
    asked["json"]["params"].setdefault("_meta", {})["io.modelcontextprotocol/logLevel"] = "info"
    response = await http.post(auto.url, **asked)
    assert [m.get("method") for m in events(response.text)] == ["notifications/message", None]


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_that_does_not_use_the_stream_is_answered_in_json(auto, http, era):
    """The result is all there is to say, so no client needs to parse a stream for it."""
    response = await http.post(auto.url, **call("echo", era, text="héllo\n\n"))
    assert form(response) == JSON
    assert response.headers["content-length"] == str(len(response.content))
    assert text(response) == "héllo\n\n"


async def test_a_silent_call_is_kept_alive_for_who_takes_streams(auto, http):
    """A comment within 15 s, so that no balancer on the way cuts it; then its result."""

    async def heard(era):
        async with http.stream("POST", auto.url, **call("sleep", era, seconds=17)) as response:
            assert form(response) == EVENTS
            return [line async for line in response.aiter_lines()]

    for lines in await asyncio.gather(*map(heard, ERAS)):
        assert any(line.startswith(":") for line in lines)
        assert "slept 17 s" in "".join(lines)


@pytest.mark.parametrize("mode", ["true", "false"])
async def test_the_other_modes_are_as_they_were(replica, http, mode):
    """The control: `true` never streams, `false` streams every answer of 2025-11-25."""
    made = replica(MCP_JSON_RESPONSE=mode)
    quiet = await http.post(made.url, **call("echo", "legacy", text="x"))
    assert form(quiet) == (JSON if mode == "true" else EVENTS)
    only = await http.post(made.url, **counting("modern", Accept=JSON))
    assert only.status_code == (200 if mode == "true" else 406)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("accept", [EVENTS, "text/html", f"{JSON};q=0, {EVENTS}"])
async def test_who_takes_no_json_is_told(auto, http, era, accept):
    """406 with the header to send; an older client that takes event streams gets it as an error."""
    response = await http.post(auto.url, **with_headers(call("echo", era, text="x"), Accept=accept))
    if era == "legacy" and EVENTS in accept:
        reported = response.json()["error"]["message"]
    else:
        assert response.status_code == 406
        reported = response.json()["detail"]
    assert f"Accept: {JSON}, {EVENTS}" in reported


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("settings", [{}, {"MCP_STATELESS_HTTP": "false"}])
async def test_streams_alone_tell_who_takes_json_which_setting_would_serve_it(
    replica, http, era, settings
):
    """`MCP_JSON_RESPONSE=false`: what was sent, what to send, and what an operator can do."""
    made = replica(MCP_JSON_RESPONSE="false", **settings)
    asked = with_headers(call("echo", era, text="x"), Accept=JSON)
    response = await http.post(made.url, **asked)
    assert response.status_code == 406
    detail = response.json()["detail"]
    assert detail.startswith(f"Accept is '{JSON}'. Send Accept: {JSON}, {EVENTS}.")
    assert "MCP_JSON_RESPONSE=auto" in detail
    del asked["headers"]["Accept"]
    bare = httpx2.Request("POST", made.url, **asked)  # to which the client adds none by itself
    assert "There is no Accept header" in (await http.send(bare)).json()["detail"]


@pytest.mark.parametrize("era", ERAS)
async def test_json_alone_tells_who_takes_no_json(shared, http, era):
    """`MCP_JSON_RESPONSE=true`."""
    asked = with_headers(call("echo", era, text="x"), Accept="text/html")
    response = await http.post(shared.url, **asked)
    assert response.status_code == 406
    assert response.json()["detail"] == f"Accept is 'text/html'. Send Accept: {JSON}."
    listening = request("subscriptions/listen", notifications={"toolsListChanged": True})
    refused = await http.post(shared.url, **with_headers(listening, Accept=JSON))
    assert refused.status_code == 406
    assert f"Send Accept: {JSON}, {EVENTS}." in refused.json()["detail"]


@pytest.mark.parametrize("accept", [JSON, BOTH])
async def test_errors_keep_their_status(auto, http, accept):
    """2026-07-28: an unknown method is 404, whichever form the answer would have had."""
    response = await http.post(auto.url, **with_headers(request("no/such"), Accept=accept))
    assert response.status_code == 404
    assert answer(response)["error"]["code"] == -32601


async def test_listen_streams_for_who_takes_streams_at_all(auto, http):
    """Also for who likes JSON better; who takes JSON only is refused."""
    asked = request("subscriptions/listen", notifications={"toolsListChanged": True})
    accept = f"{JSON}, {EVENTS};q=0.1"
    async with http.stream("POST", auto.url, **with_headers(asked, Accept=accept)) as response:
        first = await anext(stream(response))
        assert first["method"] == "notifications/subscriptions/acknowledged"
    refused = await http.post(auto.url, **with_headers(asked, Accept=JSON))
    assert refused.status_code == 406


INITIALIZE = {
    "protocolVersion": mcp_wire.LEGACY,
    "capabilities": {"elicitation": {}, "sampling": {}},
    "clientInfo": {"name": "t", "version": "1"},
}


@pytest.fixture
async def session(request, replica, http):
    """A replica with sessions, and the headers of one."""
    without = getattr(request, "param", ())
    made = replica(MCP_JSON_RESPONSE="auto", MCP_STATELESS_HTTP="false", without=without)
    opened = await http.post(made.url, **mcp_wire.request("initialize", "legacy", **INITIALIZE))
    assert form(opened) == JSON
    headers = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
    note = mcp_wire.request("notifications/initialized", "legacy")
    del note["json"]["id"]
    assert (await http.post(made.url, **with_headers(note, **headers))).status_code == 202
    return made, headers


async def test_sessions_decide_by_request_too(session, http):
    """One session: JSON, a stream when it is used, and JSON for who takes nothing else."""
    made, headers = session
    quiet = await http.post(made.url, **with_headers(call("echo", "legacy", text="x"), **headers))
    assert form(quiet) == JSON
    reported = await http.post(made.url, **counting("legacy", **headers))
    assert form(reported) == EVENTS
    only = await http.post(made.url, **counting("legacy", Accept=JSON, **headers))
    assert form(only) == JSON
    assert text(reported) == text(only) == "counted to 3"


@pytest.mark.parametrize("session", [["client-requests"]], indirect=True)
async def test_a_question_needs_a_stream_and_says_so(session, http):
    """Who takes JSON only cannot be asked: an error at once, not a hang; who takes both is asked.

    Questions look for another way before; here, as the last resort is shown, they do not.
    """
    made, headers = session
    asking = with_headers(call("ask_in_a_session", "legacy"), **headers)
    response = await http.post(made.url, **with_headers(asking, Accept=JSON))
    assert form(response) == JSON
    body = response.json()
    assert body["id"] == 1
    assert body["error"]["code"] == -31006
    assert "elicitation/create" in body["error"]["message"]
    assert f"Accept: {JSON}, {EVENTS}" in body["error"]["message"]
    asking["json"]["id"] = 2  # the first call is waiting still
    async with http.stream("POST", made.url, **asking) as streamed:
        messages = stream(streamed)
        question = await anext(messages)
        assert question["method"] == "elicitation/create"
        reply = {"jsonrpc": "2.0", "id": question["id"], "result": {"action": "decline"}}
        await http.post(made.url, headers=asking["headers"], json=reply)
        (result,) = [message async for message in messages if "result" in message]
    assert result["result"]["content"][0]["text"] == "decline"


async def test_the_sdks_own_way_to_ask_a_model_works(session, http):
    """`ctx.session.create_message`, on the stream of its call."""
    made, headers = session
    asking = with_headers(call("ask_a_model_in_a_session", "legacy"), **headers)
    async with http.stream("POST", made.url, **asking) as streamed:
        messages = stream(streamed)
        question = await anext(messages)
        assert question["method"] == "sampling/createMessage"
        said = {"role": "assistant", "content": {"type": "text", "text": "word"}, "model": "m"}
        reply = {"jsonrpc": "2.0", "id": question["id"], "result": said}
        await http.post(made.url, headers=asking["headers"], json=reply)
        (result,) = [message async for message in messages if "result" in message]
    assert result["result"]["content"][0]["text"] == "word"
