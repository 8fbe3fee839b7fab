"""Odd inputs of all kinds: no internal error, no hang, nothing left behind. The full form: `make prove`."""

import json

import pytest

from lab.fuzz.inputs import Input, make
from lab.fuzz.run import FUZZED, MEGABYTES, fuzzed, wrong
from lab.fuzz.wire import Seen
from lab.mcp_wire import BOTH, LEGACY, MODERN

COUNT = 400


@pytest.mark.processes
@pytest.mark.parametrize("mode", FUZZED)
async def test_odd_inputs_are_answered_and_leave_nothing_behind(mode, tmp_path):
    """Other inputs in each mode; a finding names the number that makes its input again."""
    report = await fuzzed(mode, tmp_path, seed=100 + FUZZED.index(mode), count=COUNT)

    assert report.findings == []
    assert report.sent == COUNT
    assert {200, 202, 400} <= set(report.statuses)
    assert report.endless_keys == []
    assert report.sockets == 0
    assert report.grown < MEGABYTES


@pytest.mark.parametrize("version", [LEGACY, MODERN])
@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "method": ["tools/list"]},
        {"jsonrpc": "2.0", "method": {"a": 1}, "params": {}},
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "server/discover",
            "params": {"_meta": {"\ud800": 1}},
        },
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"x": "\udfff"}},
    ],
)
async def test_what_odd_inputs_once_found_is_refused_as_no_message(shared, http, version, message):
    """A method that is no text, and text that is no Unicode: the framework failed at them."""
    headers = {"MCP-Protocol-Version": version, "Accept": BOTH, "Content-Type": "application/json"}
    answer = await http.post(shared.url, content=json.dumps(message), headers=headers)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in (-32700, -32600, -32602, -32020)


def test_an_input_is_made_again_by_its_number():
    """So that a finding can be looked at."""
    assert make(7_000_123, "s") == make(7_000_123, "s")
    assert len({make(number, "s").raw for number in range(500)}) > 450


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (Seen(500, {}, b"", 0), "HTTP 500"),
        (Seen(503, {}, b"", 0), "HTTP 503"),
        (Seen(503, {"retry-after": "1"}, b"", 0), ""),
        (Seen(0, {}, b"", 0), "no answer"),
        (Seen(0, {}, b"", 30, hung=True), "hangs"),
        (Seen(200, {"content-type": "application/json"}, b'{"a":NaN}', 0), "no JSON"),
        (Seen(200, {"content-type": "application/json"}, b'{"error":{"code":-32603}}', 0), "internal"),
        (Seen(200, {"content-type": "application/json"}, b'{"result":{}}', 0), ""),
    ],
)  # fmt: skip
def test_what_must_not_be_is_found(seen, found):
    """The control of the judge."""
    assert wrong(Input(1, b"", is_whole=True), seen).startswith(found)
    assert bool(wrong(Input(1, b"", is_whole=True), seen)) is bool(found)
