"""The access log says how each call ended, in every mode and in both versions of the protocol."""

import asyncio
import json

import pytest

from lab import modes
from lab.jobs.team import SAMPLE as JOBS
from lab.jobs.wire import as_task
from lab.legacy import Session
from lab.mcp_wire import ERAS, call, request, with_headers
from lab.replica import SAMPLE
from mcp_swarm.framework.catalogue import ComponentNames
from mcp_swarm.telemetry.call_record import CallRecord

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module", params=modes.MODES)
def served_by(request, tmp_path_factory):
    """A replica in each mode, with a short time limit; its log is JSON."""
    folder = tmp_path_factory.mktemp("outcomes")
    options = {"MCP_LOG_FORMAT": "json", "MCP_CALL_TIMEOUT": 3}
    with modes.serving(request.param, folder, SAMPLE, **options) as made:
        yield request.param, made


@pytest.fixture
def served(served_by, http):
    """The same, with a client of this test's own."""
    return modes.Served(*served_by, http)


async def logged(made, request_id):
    """The line of a request, as fields."""
    return json.loads((await made.logged(rf'.*"request_id": "{request_id}".*"outcome".*'))[0])


def _item(id: str) -> str:  # noqa: A002
    return id


ENDINGS = {
    "ok": ("tools/call", {"name": "echo", "arguments": {"text": "x"}}, "ok", {None}),
    "fail": ("tools/call", {"name": "fail", "arguments": {}}, "tool_error", {None}),
    "wrong": ("tools/call", {"name": "add", "arguments": {"a": "x"}}, "tool_error", {None}),
    "nosuch": ("tools/call", {"name": "no_such", "arguments": {}}, "tool_error", {None}),
    "slow": ("tools/call", {"name": "sleep", "arguments": {"seconds": 9}}, "timeout", {None}),
    "gone": ("resources/read", {"uri": "no://such"}, "error", {-32602, -32002}),
    "method": ("no/such", {}, "error", {-32601}),
    "list": ("tools/list", {}, "ok", {None}),
}


async def test_a_line_says_how_each_call_ended(served):
    """A tool's own error, one of JSON-RPC with its code, a timeout: HTTP has 200 for most of them."""
    if "sessions" in served.mode:
        await served.session()
    await asyncio.gather(*(ended(served, era, ending) for era in ERAS for ending in ENDINGS))


async def ended(served, era, ending):
    """Makes one of these calls and looks at its line."""
    method, params, outcome, codes = ENDINGS[ending]
    sent = f"{ending}-{era}"
    asked = with_headers(request(method, era, **params), X_Request_Id=sent)
    asked["json"]["id"] = sent
    await served.post(era, asked)
    line = await logged(served.replica, sent)
    assert line["mcp_method"] == method
    assert line["mcp_name"] == params.get("name", params.get("uri", "-")), sent
    assert (line["outcome"], line.get("error_code") in codes) == (outcome, True), sent


async def test_the_text_has_the_outcome_and_the_code(shared, http):
    """One line for a person: the name, the outcome, and the code of an error."""
    for number, (method, params, _, _) in enumerate(ENDINGS.values()):
        if params.get("name") != "sleep":
            made = with_headers(request(method, **params), X_Request_Id=f"text-{number}")
            await http.post(shared.url, **made)
    shared.wait_for_log(r"text-1\] 200 POST /mcp tools/call fail tool_error \d")
    shared.wait_for_log(r"text-5\] \d+ POST /mcp resources/read no://such error -32602 \d")


async def test_a_rejected_request_says_so_and_who_called(replica, http):
    """Without a good token nothing is carried out; with one, the line names the client."""
    made = replica(AUTH_ENABLED="true", AUTH_TOKEN="canary", MCP_LOG_FORMAT="json")
    for name, token in (("bad", "x"), ("good", "canary")):
        headers = {"Authorization": f"Bearer {token}", "X_Request_Id": name}
        await http.post(made.url, **with_headers(call("echo", text="x"), **headers))
    bad, good = await logged(made, "bad"), await logged(made, "good")
    assert (bad["outcome"], bad["status"], "client" in bad) == ("rejected", 401, False)
    assert (good["outcome"], good["client"]) == ("ok", "default")
    assert "canary" not in made.log


async def test_a_call_for_which_there_is_no_slot_is_rejected(replica, http):
    """It is an error of JSON-RPC, and nothing was carried out."""
    made = replica(MCP_CALL_CONCURRENCY=1, MCP_CALL_TIMEOUT=1, MCP_LOG_FORMAT="json")
    calls = [with_headers(call("sleep", seconds=9), X_Request_Id=f"n{n}") for n in range(2)]
    await asyncio.gather(*(http.post(made.url, **asked) for asked in calls))
    ended = [(await logged(made, f"n{n}"))["outcome"] for n in range(2)]
    assert sorted(ended) == ["rejected", "timeout"]


async def test_a_cancelled_call_of_a_session_says_so(service, http):
    """The client says that it does not want the answer any more."""
    made = service(MCP_STATELESS_HTTP="false", MCP_JSON_RESPONSE="false", MCP_LOG_FORMAT="json")
    session = await Session(http, [made]).open()
    headers = {**session.headers, "X-Request-Id": "unwanted"}
    asked = {**call("sleep", "legacy", seconds=30)}
    asked["headers"] |= headers
    asked["json"]["id"] = 77
    calling = asyncio.create_task(http.post(made.url, **asked))
    await made.logged("the sleep begins")
    await session.note("notifications/cancelled", requestId=77)
    await calling
    assert (await logged(made, "unwanted"))["outcome"] == "cancelled"


async def test_submitting_a_job_is_a_call_with_an_outcome(replica, http):
    """As a task of 2026-07-28, and over plain HTTP; a job that is refused was rejected."""
    made = replica(packages=JOBS, MCP_LOG_FORMAT="json")
    asked = as_task("work", seconds=0)
    await http.post(made.url, **with_headers(asked, X_Request_Id="task"))
    for name in ("work", "nothing"):
        body = {"tool": name, "arguments": {"seconds": 0}}
        headers = {"X-Request-Id": f"job-{name}"}
        await http.post(f"{made.base}/jobs", json=body, headers=headers)
    lines = [await logged(made, sent) for sent in ("task", "job-work", "job-nothing")]
    assert [(line["mcp_name"], line["outcome"]) for line in lines] == [
        ("work", "ok"),
        ("work", "ok"),
        ("nothing", "rejected"),
    ]


async def test_names_that_nobody_has_count_as_one():
    """Whoever counts calls by component has a bounded set, whatever is called."""
    from fastmcp import FastMCP

    mcp = FastMCP("names")
    mcp.tool(lambda: "x", name="known")
    mcp.resource("item://{id}", name="item")(_item)
    names, seen = ComponentNames(mcp), []
    for method, params in (
        ("tools/call", {"name": "known"}),
        *(("tools/call", {"name": f"made-up-{n}"}) for n in range(3)),
        *(("resources/read", {"uri": f"item://{n}"}) for n in range(3)),
        ("prompts/get", {"name": "known"}),
    ):
        record = CallRecord("here")
        record.asks_for(method, params, names)
        seen.append(record.component)
    assert seen == ["known", *["unknown"] * 3, *["item://{id}"] * 3, "unknown"]
