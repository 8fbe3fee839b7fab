"""What is no request is refused in words, and what nobody waits for is not answered, in every mode."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab.mcp_wire import BOTH, ERAS, answer, call, events, request, text, with_headers
from lab.modes import MODES, Served, serving
from lab.replica import SAMPLE, Replica

pytestmark = pytest.mark.processes

MISSING = "missing"
PACKAGES = (*SAMPLE, "lab.sample.sessions", "lab.sample.same")


@pytest.fixture(scope="module", params=MODES)
def running(request, tmp_path_factory) -> Iterator[tuple[str, Replica]]:
    with serving(request.param, tmp_path_factory.mktemp("messages"), PACKAGES) as made:
        yield request.param, made


@pytest.fixture
async def served(running, http) -> Served:
    return Served(*running, http)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("request_id", [None, 2.5, False, [4], {"a": 1}, MISSING], ids=repr)
async def test_a_request_without_a_usable_id_is_refused(served, era, request_id):
    """It would never be answered, so its client gets an error at once; it does not run."""
    made = call("add", era, a=1, b=2)
    made["json"]["id"] = request_id
    if request_id is MISSING:
        del made["json"]["id"]
    response = await served.post(era, made)
    assert response.status_code == 400
    assert response.json()["id"] is None
    error = response.json()["error"]
    assert error["code"] == -32600
    assert '"id" that is a string or an integer' in error["message"]


@pytest.mark.parametrize("era", ERAS)
async def test_an_id_that_utf_8_cannot_hold_is_refused(served, era):
    """It could not come back; the SDK's parser for older clients refuses it first."""
    made = call("add", era, a=1, b=2)
    made["json"]["id"] = "a\ud9ab"
    content = json.dumps(made["json"]).encode()
    response = await served.post(era, {"headers": made["headers"], "content": content})
    assert response.status_code == 400
    assert response.json()["id"] is None
    assert response.json()["error"]["code"] in (-32600, -32700)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "body",
    [[], 7, {"jsonrpc": "1.0", "id": 1, "method": "ping"}, {"jsonrpc": "2.0", "id": 1},
     [{"jsonrpc": "2.0", "id": 1, "method": "ping"}], {"jsonrpc": "2.0", "id": 1, "method": 5}],
    ids=repr,
)  # fmt: skip
async def test_what_is_no_message_is_an_invalid_request(served, era, body):
    made = request("tools/list", era)
    response = await served.post(era, {**made, "json": body})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == -32600


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("request_id", ["7", "", 0, -3, 2**53 + 1, 10**25])
async def test_a_usable_id_comes_back_as_it_was(served, era, request_id):
    """And a notification needs none."""
    made = call("add", era, a=1, b=2)
    made["json"]["id"] = request_id
    assert answer(await served.post(era, made))["id"] == request_id
    noted = request("notifications/initialized", era)
    del noted["json"]["id"]
    assert (await served.post(era, noted)).status_code == 202


@pytest.mark.parametrize("version", ["2031-02-03", "1.0", "", "draft"])
async def test_an_unknown_version_is_told_the_known_ones(served, version):
    """Whatever the rest of the request looks like; the id comes back."""
    for era in ERAS:
        made = with_headers(request("tools/list", era), MCP_Protocol_Version=version)
        response = await served.http.post(served.replica.url, **made)
        assert response.status_code == 400
        reported = response.json()
        assert reported["id"] == 1
        assert reported["error"]["code"] == -32022
        assert reported["error"]["data"] == {"supported": ["2026-07-28"], "requested": version}
        for supported in ("2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"):
            assert supported in reported["error"]["message"]
        assert "_meta" not in reported["error"]["message"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "kind", ["APPLICATION/JSON", "Application/Json; Charset=UTF-8", "application/json ;x=y"]
)
async def test_a_content_type_is_compared_without_case(served, era, kind):
    made = with_headers(call("add", era, a=1, b=2), Content_Type=kind, Accept=BOTH.upper())
    assert text(await served.post(era, made)) == "3"


async def test_another_content_type_is_refused(served):
    made = with_headers(request("tools/list", "legacy"), Content_Type="application/jsonp")
    made["headers"]["Accept"] = "application/json"
    if served.mode.partition(",")[0] not in ("streams", "sessions in Redis"):
        assert (await served.post("legacy", made)).status_code == 415


@pytest.mark.parametrize("name", ["same://nowhere", "same://elsewhere/7"])
async def test_an_unknown_resource_has_the_code_of_the_clients_version(served, name):
    for era, code in (("legacy", -32002), ("modern", -32602)):
        reported = answer(await served.post(era, request("resources/read", era, uri=name)))["error"]
        assert reported["code"] == code
        assert reported["data"] == {"uri": name}
        assert repr(name) in reported["message"]


async def test_a_cancelled_call_is_not_answered(served):
    """Its stream ends, or its response is empty; it costs the session nothing."""
    if "sessions" not in served.mode:
        return
    session = await served.session()
    made = session.made("sleep", 41, seconds=63)
    waiting = asyncio.create_task(session.post(made))
    await served.replica.logged("the sleep begins: 63 s")
    assert (await session.note("notifications/cancelled", requestId=41)).status_code == 202
    response = await waiting
    streams = response.headers.get("content-type", "").startswith("text/event-stream")
    assert response.status_code == (200 if streams else 202)
    assert not list(events(response.text))
    assert text(await session.call("add", a=1, b=2)) == "3"


async def test_a_cancelled_call_of_a_client_that_takes_json_alone_is_not_answered(served):
    """`MCP_JSON_RESPONSE=auto`, where the server streams and the client does not know."""
    if served.mode != "sessions in memory":
        return
    session = await served.session()
    made: dict[str, Any] = with_headers(session.made("sleep", 42, seconds=64))
    made["headers"]["Accept"] = "application/json"
    waiting = asyncio.create_task(session.post(made))
    await served.replica.logged("the sleep begins: 64 s")
    await session.note("notifications/cancelled", requestId=42)
    response = await waiting
    assert (response.status_code, response.content) == (202, b"")
