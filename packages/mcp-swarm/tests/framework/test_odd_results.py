"""Results that JSON, or the tool's own output schema, cannot hold, in every mode."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastmcp import Client
from pydantic_core import from_json

from lab.mcp_wire import BOTH, ERAS, call, request
from lab.modes import MODES, Served, serving
from lab.replica import Replica
from lab.sample.odd.objects import EXTRA, RETURNED

pytestmark = pytest.mark.processes

PACKAGES = ("lab.sample.odd",)
REPLACED = "a\ufffdb"


class Odd(Served):
    """A replica that serves the odd results."""

    async def ask(self, era: Any, made: dict[str, Any]) -> dict[str, Any]:
        """The message that answers; what was sent is one valid JSON document each."""
        response = await self.post(era, made)
        assert response.status_code == 200, response.text
        found = [strictly(part) for part in documents(response)]
        answer = next(m for m in found if "method" not in m)
        assert answer["id"] == made["json"]["id"]
        return answer

    async def call(self, era: Any, tool: str, **arguments: Any) -> dict[str, Any]:
        result: dict[str, Any] = (await self.ask(era, call(tool, era, **arguments)))["result"]
        return result


def documents(response: httpx2.Response) -> Iterator[bytes]:
    if response.headers["content-type"].startswith("text/event-stream"):
        for line in response.content.splitlines():
            if line.startswith(b"data:") and line[5:].strip():
                yield line[5:]
    else:
        yield response.content


def strictly(document: bytes) -> Any:
    """Decoded as the official client does: no NaN, no half of a surrogate pair."""
    return from_json(document, allow_inf_nan=False)


@pytest.fixture(scope="module", params=MODES)
def odd(request, tmp_path_factory) -> Iterator[tuple[str, Replica]]:
    with serving(request.param, tmp_path_factory.mktemp("odd"), PACKAGES) as made:
        yield request.param, made


@pytest.fixture
async def served(odd, http) -> Odd:
    return Odd(*odd, http)


@pytest.mark.parametrize("era", ERAS)
async def test_a_number_that_json_does_not_have_is_null(served, era):
    """Where the schema lets it be: NaN, and both infinities."""
    result = await served.call(era, "loose_numbers")
    assert result["structuredContent"] == {"mean": None, "list": [None, None, 1.5]}
    assert strictly(result["content"][0]["text"].encode()) == result["structuredContent"]
    result = await served.call(era, "optional_numbers")
    assert result["structuredContent"] == {"mean": None, "count": 3.0}


@pytest.mark.parametrize("era", ERAS)
async def test_such_a_number_is_null_in_resources_prompts_and_lists_too(served, era):
    read = await served.ask(era, request("resources/read", era, uri="odd://numbers"))
    assert strictly(read["result"]["contents"][0]["text"].encode()) == {"mean": None}
    read = await served.ask(era, request("resources/read", era, uri="odd://list/x"))
    assert strictly(read["result"]["contents"][0]["text"].encode()) == ["x", None]
    got = await served.ask(era, request("prompts/get", era, name="numbers_in_words"))
    texts = [message["content"]["text"] for message in got["result"]["messages"]]
    assert texts == ['{"mean":null}', REPLACED]
    listed = await served.ask(era, request("tools/list", era))
    schema = next(t for t in listed["result"]["tools"] if t["name"] == "with_default")
    assert schema["inputSchema"]["properties"]["level"]["default"] is None


BROKEN = {
    "strict_numbers": ("'mean'", "None is not of type 'number' (NaN and Infinity are null"),
    "other_keys": ("", "'station' is a required property"),
    "other_type": ("'result[0]'", "'seven' is not of type 'integer'"),
    "out_of_bounds": ("'result'", "101 is greater than the maximum of 100"),
    "unchecked_model": ("'result[1].state'", "'gone' is not one of ['open', 'closed']"),
    "nothing_at_all": ("", "there is no structured content"),
    "text_alone": ("", "there is no structured content"),
}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", BROKEN)
async def test_a_result_that_breaks_its_output_schema_is_an_error(served, era, tool):
    """It names the tool, the place and the reason; nothing of it is sent as right."""
    result = await served.call(era, tool)
    text = result["content"][0]["text"]
    place, reason = BROKEN[tool]
    assert result["isError"]
    assert "structuredContent" not in result
    assert f"The result of tool '{tool}' does not conform to the tool's output schema" in text
    assert place in text
    assert reason in text


@pytest.mark.parametrize("era", ERAS)
async def test_a_tools_own_error_needs_no_structure(served, era):
    result = await served.call(era, "its_own_error")
    assert result["isError"]
    assert result["content"][0]["text"] == "the sensor is off"
    result = await served.call(era, "conforms")
    assert result["structuredContent"] == {"result": [{"name": "a", "state": "open"}]}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("kind", ["text", "dict", "key", "typed", "error", "list"])
async def test_a_lone_surrogate_is_replaced(served, era, kind):
    """U+FFFD in its place; two halves that make a character are that character."""
    result = await served.call(era, "half_a_pair", kind=kind)
    assert REPLACED in json.dumps(result, ensure_ascii=False)
    assert bool(result.get("isError")) == (kind == "error")
    if kind == "list":
        assert json.loads(result["content"][0]["text"]) == [REPLACED, "😀"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_lone_surrogate_in_what_is_said_on_the_way_ends_no_call(served, era):
    made = call("half_said", era)
    made["json"]["params"]["_meta"] = {
        **made["json"]["params"].get("_meta", {}),
        "progressToken": 7,
        "io.modelcontextprotocol/logLevel": "info",
    }
    made["headers"]["Accept"] = BOTH
    answer = await served.ask(era, made)
    assert answer["result"]["content"][0]["text"] == "said"
    read = await served.ask(era, request("resources/read", era, uri="odd://half"))
    assert read["result"]["contents"][0]["text"] == REPLACED


@pytest.mark.parametrize("era", ERAS)
async def test_an_object_that_is_not_json_is_an_error(served, era):
    """It names the tool, the type and what to do; no address of our memory goes out."""
    asked = [("gives", {"what": what}) for what in RETURNED]
    for tool, arguments in (*asked, ("gives_unannotated", {}), ("gives_a_dict", {})):
        result = await served.call(era, tool, **arguments)
        said = result["content"][0]["text"]
        assert result["isError"], (tool, arguments)
        assert " 0x" not in json.dumps(result), (tool, arguments)
        assert f"tool {tool!r}" in said, (tool, arguments)
        assert "Next: return" in said, (tool, arguments)
    assert "Ledger" in said
    values = await served.call(era, "gives_values")
    assert json.loads(values["content"][0]["text"])[1] == {"day": "2026-07-28", "file": "a/b"}
    for made in (
        request("resources/read", era, uri="odd://object"),
        request("prompts/get", era, name="about_a_ledger"),
    ):
        assert " 0x" not in json.dumps((await served.ask(era, made))["error"])


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("asks", [True, False])
async def test_an_object_beside_a_log_message_ends_no_call(served, era, asks):
    """Whether the message is delivered or not; where it is, the object is its text."""
    for what in EXTRA:
        made = call("warns_of", era, what=what)
        if asks:
            meta = made["json"]["params"].setdefault("_meta", {})
            meta["io.modelcontextprotocol/logLevel"] = "info"
        made["headers"]["Accept"] = BOTH
        answer = await served.ask(era, made)
        assert answer["result"]["content"][0]["text"] == "warned", what


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_reads_all_of_it(odd, mode):
    """Its parser rejects a message with an escaped lone surrogate, and its call never returns."""
    async with Client(odd[1].url, mode=mode, timeout=20) as client:
        said = await client.call_tool("half_a_pair", {"kind": "dict"})
        assert said.structured_content == {"name": REPLACED}
        numbers = await client.call_tool("optional_numbers")
        assert numbers.data == {"mean": None, "count": 3.0}
        broken = await client.call_tool("other_keys", raise_on_error=False)
        assert broken.is_error
