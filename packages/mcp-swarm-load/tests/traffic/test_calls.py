"""The bytes that are sent in each era, and the answers that count as right."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from mcp_swarm_load.target.connection import Exchange
from mcp_swarm_load.traffic.calls import Call

URL = urlsplit("http://user:secret@mcp.example.com:8150/mcp?team=a")


def sent(call: Call, number: int = 7) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Returns the request line, headers and message of a rendered call."""
    head, body = call.render(number).split(b"\r\n\r\n", 1)
    line, *fields = head.decode().split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields)
    assert int(headers["Content-Length"]) == len(body)
    return line, headers, json.loads(body)


def answered(answer: Any, status: int = 200, kind: bytes = b"application/json") -> Exchange:
    exchange = Exchange(0)
    exchange.status = status
    exchange.content_type = kind
    exchange.body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return exchange


def right(**changes: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "result": {"content": []}, **changes}


def test_the_headers_of_a_modern_call_match_its_body():
    """2026-07-28 rejects a call whose Mcp-Method or Mcp-Name differ from its body."""
    params = {"name": "add", "arguments": {"a": 1}}
    line, headers, message = sent(Call(URL, "modern", "tools/call", params, token="t"))

    assert line == "POST /mcp?team=a HTTP/1.1"
    assert (headers["Mcp-Method"], headers["Mcp-Name"]) == ("tools/call", "add")
    assert headers["MCP-Protocol-Version"] == "2026-07-28"
    assert headers["Authorization"] == "Bearer t"
    assert headers["Host"] == "mcp.example.com:8150"
    assert (
        message["id"],
        message["method"],
        message["params"]["arguments"],
    ) == (7, "tools/call", {"a": 1})
    meta = message["params"]["_meta"]
    assert meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
    assert meta["io.modelcontextprotocol/clientCapabilities"] == {}


def test_a_legacy_call_is_the_plain_message_of_2025_11_25():
    _, headers, message = sent(Call(URL, "legacy", "tools/list"))

    assert headers["MCP-Protocol-Version"] == "2025-11-25"
    assert not {"Mcp-Method", "Mcp-Name", "Authorization", "Connection"} & headers.keys()
    assert message == {"jsonrpc": "2.0", "id": 7, "method": "tools/list"}


@pytest.mark.parametrize("name", ["größe", " padded", "=?base64?eA==?=", "two\nlines"])
def test_a_name_that_is_unsafe_in_a_header_is_sent_in_base64(name):
    """The official SDK decodes it."""
    from mcp.shared.inbound import decode_header_value

    _, headers, message = sent(Call(URL, "modern", "tools/call", {"name": name}))

    assert headers["Mcp-Name"].isascii()
    assert name == decode_header_value(headers["Mcp-Name"]) == message["params"]["name"]


def test_arguments_that_contain_the_id_mark_arrive_unchanged():
    arguments = {"text": "\x00id\x00", "id": '"id":7'}
    call = Call(URL, "modern", "tools/call", {"name": "t", "arguments": arguments})

    assert sent(call)[2]["params"]["arguments"] == arguments


@pytest.mark.parametrize(
    "answer",
    [
        right(),
        right(result={"content": [], "resultType": "complete", "isError": False}),
    ],
)
def test_a_right_answer_counts_as_right(answer):
    assert Call(URL, "modern", "tools/call", {"name": "t"}).judge(7, answered(answer)) == ""


def test_an_answer_in_an_event_stream_counts_as_right():
    """Notifications, comments and an event over several lines come before it."""
    note = json.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": {}})
    lines = json.dumps(right(), indent=1).replace("\n", "\ndata: ")
    stream = f": hello\n\nid: 1\nevent: message\ndata: {note}\n\nevent: message\ndata: {lines}\n\n"
    exchange = answered(stream.encode(), kind=b"text/event-stream; charset=utf-8")

    assert Call(URL, "modern", "tools/call", {"name": "t"}).judge(7, exchange) == ""


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (right(id=8), 200, "another request's id"),
        (right(id="7"), 200, "another request's id"),
        (right(id=True), 200, "another request's id"),
        (right(jsonrpc="1.0"), 200, "not a JSON-RPC 2.0 response"),
        ([right()], 200, "not a JSON-RPC 2.0 response"),
        (right(result=None), 200, "neither a result nor an error"),
        (right(result={"tools": []}), 200, "result of tools/call has no content list"),
        (right(result={"content": "x"}), 200, "result of tools/call has no content list"),
        (right(result={"content": [{"type": "text", "text": "no such\nregion"}], "isError": True}),
         200, "tool error: no such region"),
        (right(result={"resultType": "input_required"}), 200, "resultType 'input_required'"),
        (right(error={"code": -32603, "message": "broken"}), 200, "JSON-RPC error -32603: broken"),
        (right(error="broken"), 200, "JSON-RPC error of a wrong shape"),
        ({"error": {"code": -32020, "message": "mismatch"}}, 400,
         "HTTP 400: JSON-RPC error -32020: mismatch"),
        (b"<html><h1>503</h1>\nno server</html>", 503, "HTTP 503: 503 no server"),
        (b"", 401, "HTTP 401"),
        (b"hello", 200, "answer is not JSON: hello"),
        (b"\xff\xfe", 200, "answer is not JSON"),
        (b"", 200, "answer is not JSON"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_reported_with_its_reason(answer, status, said):
    """Its HTTP status does not matter."""
    judged = Call(URL, "modern", "tools/call", {"name": "t"}).judge(7, answered(answer, status))

    assert said in judged
    assert "\n" not in judged
    assert len(judged) < 200


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (b": ping\n\n", "without the answer"),
        (b"data: {not json}\n\n", "not a JSON-RPC"),
        (b'data: {"jsonrpc":"2.0","id":8,"result":{}}\n\n', "another request's id"),
    ],
)
def test_a_stream_without_the_right_answer_is_reported(stream, said):
    exchange = answered(stream, kind=b"text/event-stream")

    assert said in Call(URL, "modern", "tools/call", {"name": "t"}).judge(7, exchange)


def test_a_redirect_is_reported_with_its_location():
    """The common mistake is a missing or an extra slash at the end of --url."""
    exchange = answered(b"", 307)
    exchange.location = b"http://localhost:8150/mcp"

    judged = Call(URL, "modern", "tools/list").judge(7, exchange)

    assert judged == "HTTP 307: to http://localhost:8150/mcp"


@pytest.mark.parametrize("number", [True, 1.0, "1"])
def test_an_id_of_another_type_is_wrong(number):
    """JSON-RPC requires the same value and type, and in Python True equals 1."""
    judged = Call(URL, "modern", "tools/call", {"name": "t"}).judge(1, answered(right(id=number)))

    assert "another request's id" in judged
