"""A wrong argument of a prompt, a resource template or a tool is named, in every mode."""

import json
from collections.abc import Iterator

import pytest

from lab.mcp_wire import ERAS, answer, call, request
from lab.modes import MODES, Served, serving
from lab.replica import Replica

pytestmark = pytest.mark.processes

PACKAGES = ("lab.sample.picky",)


@pytest.fixture(scope="module", params=MODES)
def running(request, tmp_path_factory) -> Iterator[tuple[str, Replica]]:
    with serving(request.param, tmp_path_factory.mktemp("arguments"), PACKAGES) as made:
        yield request.param, made


@pytest.fixture
async def served(running, http) -> Served:
    return Served(*running, http)


WRONG_PROMPTS = [
    ("report", {"since": "2026-02-03"}, ["'town'", "which is missing"]),
    ("report", {}, ["'town', 'since'", "which is missing"]),
    ("report", None, ["'town', 'since'", "which is missing"]),
    ("report", {"town": "Ulm", "since": "soon"}, ["'since'", "It is 'soon'."]),
    ("report", {"town": "Ulm", "since": "2026-02-03", "rows": "x"}, ["'rows'", "integer"]),
    ("report", {"town": "Ulm", "since": "2026-02-03", "rows": "10"}, ["'rows'", "less than or"]),
    ("greeting", {"kind": "loud"}, ["'kind'", "'short' or 'long'"]),
]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("name", "arguments", "words"), WRONG_PROMPTS, ids=str)
async def test_a_wrong_argument_of_a_prompt_is_named(served, era, name, arguments, words):
    """-32602: it is the caller's to mend."""
    made = request("prompts/get", era, name=name, arguments=arguments)
    if arguments is None:
        del made["json"]["params"]["arguments"]
    error = answer(await served.post(era, made))["error"]
    assert error["code"] == -32602
    assert f"Prompt {name!r}" in error["message"]
    assert all(word in error["message"] for word in words), error["message"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("method", "params", "place"),
    [
        ("prompts/get", {"name": "report", "arguments": {"since": 7}}, "'arguments.since'"),
        ("prompts/get", {"name": "report", "arguments": ["Ulm"]}, "'arguments'"),
        ("prompts/get", {"arguments": {}}, "'name'"),
        ("resources/read", {"uri": 5}, "'uri'"),
        ("tools/call", {"name": "x", "arguments": 7}, "'arguments'"),
    ],
    ids=str,
)
async def test_a_parameter_of_another_type_is_named(served, era, method, params, place):
    """Prompts take strings; the error says so of the one that is none."""
    made = request(method, era, **params)
    made["headers"].pop("Mcp-Name", None)
    if era == "modern" and (name := params.get("name", params.get("uri"))) is not None:
        made["headers"]["Mcp-Name"] = str(name)
    error = answer(await served.post(era, made))["error"]
    if era == "modern" and error["code"] == -32020:
        pytest.skip("the header is judged before")  # a uri that is no string has no header
    assert error["code"] == -32602
    assert place in error["message"], error


WRONG_URIS = [
    ("year://soon/spring", ["'year'", "integer"]),
    ("year://1850/spring", ["'year'", "greater than or equal to 1900"]),
    ("year://1950/winter", ["'part'", "'spring' or 'autumn'", "It is 'winter'."]),
    ("switch://perhaps", ["'on'", "boolean"]),
    ("switch://on?level=high", ["'level'", "number"]),
]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("uri", "words"), WRONG_URIS, ids=str)
async def test_a_wrong_parameter_of_a_template_is_named(served, era, uri, words):
    error = answer(await served.post(era, request("resources/read", era, uri=uri)))["error"]
    assert error["code"] == -32602
    assert "Resource template '" in error["message"]
    assert all(word in error["message"] for word in words), error["message"]


@pytest.mark.parametrize("era", ERAS)
async def test_right_arguments_are_converted(served, era):
    given = {"town": "Ulm", "since": "2026-02-03", "rows": "9", "unknown": "x"}
    got = answer(
        await served.post(era, request("prompts/get", era, name="report", arguments=given))
    )
    assert got["result"]["messages"][0]["content"]["text"] == "Ulm since 2026-02-03: 9"
    for uri, reported in (
        ("year://1950/spring", "spring 1950"),
        ("switch://yes?level=2", "True 2.0"),
    ):
        got = answer(await served.post(era, request("resources/read", era, uri=uri)))
        assert got["result"]["contents"][0]["text"] == reported


HALF = "half a pair: \ud83d"  # JSON can write it, UTF-8 cannot
NOT_UNICODE = [
    ("letter", {"to": HALF}, "'to'"),
    ("letter", {"to": "Ulm", "lines": ["x", HALF]}, "'lines'"),
    ("letter", {"to": "Ulm", HALF: "x"}, "'half a pair: \\ud83d'"),
    ("stamp", {"on": HALF}, "'on'"),
]


@pytest.mark.parametrize(("name", "arguments", "word"), NOT_UNICODE, ids=ascii)
async def test_a_tools_argument_that_is_not_unicode_is_named(served, name, arguments, word):
    """An error result, for the model to mend; the log has one warning and no traceback.

    In the earlier versions the SDK's parser refuses the body.
    """
    began = len(served.replica.log)
    made = call(name, **arguments)
    content = json.dumps(made.pop("json"))  # escaped, as a client in another language sends it
    result = answer(await served.post("modern", {**made, "content": content}))["result"]
    assert result["isError"]
    said = result["content"][0]["text"]
    assert "Unicode" in said
    assert word in said
    await served.replica.logged("Invalid arguments for tool")
    assert "Traceback" not in served.replica.log[began:]


@pytest.mark.parametrize("era", ERAS)
async def test_what_the_function_raises_stays_masked(served, era):
    """The control: that is the server's to mend, and goes to its log."""
    for made in (
        request("prompts/get", era, name="failing", arguments={"town": "Ulm"}),
        request("resources/read", era, uri="fails://Ulm"),
    ):
        error = answer(await served.post(era, made))["error"]
        assert error["code"] == -32603
        assert "hunter2" not in error["message"]


async def test_callers_mistakes_are_warnings_without_a_traceback(served):
    """One line each, with the reason; the function's own error has its traceback."""
    began = len(served.replica.log)
    for name, arguments, _ in WRONG_PROMPTS:
        made = request("prompts/get", "modern", name=name, arguments=arguments or {})
        await served.post("modern", made)
    for uri, _ in WRONG_URIS:
        await served.post("modern", request("resources/read", "modern", uri=uri))
    await served.replica.logged("cannot take the argument 'level'")
    log = served.replica.log[began:]
    assert "Traceback" not in log
    assert " ERROR " not in log
    assert len([line for line in log.splitlines() if " WARNING " in line]) == 12
    made = request("prompts/get", "modern", name="failing", arguments={"town": "Ulm"})
    await served.post("modern", made)
    assert "Traceback" in served.replica.log[began:]
