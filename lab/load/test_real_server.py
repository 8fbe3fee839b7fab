"""The load tester against replicas of this server."""

from collections import Counter

import pytest

from lab import replica as replicas
from mcp_swarm_load.testing.runs import finished, load
from mcp_swarm_load.traffic.calls import Features
from mcp_swarm_load.traffic.mix import Kind
from mcp_swarm_load.traffic.scenario import read
from mcp_swarm_load.traffic.values import Constant

pytestmark = pytest.mark.processes

SAMPLE = ("lab.load.sample",)
EXAMPLES = ("server.examples.tools",)


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """A stateless replica that answers in JSON, and one with sessions that streams."""
    folder = tmp_path_factory.mktemp("servers")
    stateful = {"MCP_STATELESS_HTTP": "false", "MCP_JSON_RESPONSE": "false"}
    made = {
        "plain": replicas.start(folder / "plain", packages=(*SAMPLE, *EXAMPLES)),
        "sessions": replicas.start(folder / "sessions", packages=SAMPLE, **stateful),
    }
    for each in made.values():
        each.wait_until_ready()
    yield made
    for each in made.values():
        each.end()


class Collected:
    """An expectation that always holds and counts the texts of all answers."""

    is_error = False

    def __init__(self) -> None:
        self.texts: Counter[str] = Counter()

    def excuses(self, result) -> bool:
        return False

    def wrong(self, result, arguments) -> str:
        self.texts[result["content"][0]["text"]] += 1
        return ""


async def test_sessions_are_used_and_closed(servers):
    """Each counts its calls from one to at most five. A quick caller may open another."""
    seen = Collected()
    kinds = (Kind.of_tool("mine", Constant({}), expect=(seen,)),)
    run = await load(servers["sessions"], era="legacy", calls=30, workers=3, sessions=5, mix=kinds)

    assert (run["totals"]["right"], run["errors"]) == (30, [])
    counted = [seen.texts[text] for text in "12345"]
    assert sum(counted) == 30
    assert counted == sorted(counted, reverse=True)
    flow = run["flow"]
    assert flow["sessions_opened"] == flow["sessions_closed"] == counted[0]
    assert flow["sessions_without_id"] == flow["sessions_lost"] == flow["sessions_wrong"] == 0


async def test_a_stateful_server_rejects_calls_without_a_session(servers):
    run = await load(servers["sessions"], era="legacy", calls=3, workers=1)

    assert run["totals"]["failed"] == 3
    assert "session" in run["errors"][0]["text"].lower()


@pytest.mark.parametrize(("era", "sessions"), [("modern", 0), ("legacy", 4)])
async def test_progress_is_read(servers, era, sessions):
    kinds = (Kind.of_tool("steps", Constant({"count": 5}), features=Features(progress=True)),)
    run = await load(servers["sessions"], era=era, calls=8, workers=2, sessions=sessions, mix=kinds)

    assert (run["totals"]["right"], run["errors"]) == (8, [])
    assert (run["flow"]["streams"], run["flow"]["progress"]) == (8, 40)
    assert run["flow"]["stream_first_event_ms"]["max"] < run["flow"]["stream_last_byte_ms"]["max"]


async def test_input_rounds_are_answered(servers):
    """The server encrypts its state, and the tester returns it unchanged."""
    features = Features(answers={"sure": {"ok": True}})
    run = await load(
        servers["plain"],
        calls=6,
        workers=2,
        tool="confirm",
        arguments={"what": "pay"},
        features=features,
    )

    assert (run["totals"]["right"], run["flow"]["rounds"], run["errors"]) == (6, 6, [])


# Each shipped scenario, and the example tools that it calls.
SHIPPED = {
    "sales": "server.examples.tools.sales",
    "tenants": "server.examples.tools.integrations",
    "deployments": "server.examples.tools.deployments",
    "files": "server.examples.tools.files",
}


@pytest.mark.parametrize("name", SHIPPED)
async def test_the_shipped_scenarios_get_right_answers(servers, name):
    pytest.importorskip(SHIPPED[name])
    kinds = read(name).kinds
    run = await load(servers["plain"], calls=60, workers=6, mix=kinds, era="both")

    assert (run["totals"]["right"], run["errors"]) == (60, [])
    assert {each["label"] for each in run["kinds"]} == {kind.label for kind in kinds}


async def test_a_mix_by_name_uses_the_schemas_of_the_tools(servers):
    pytest.importorskip(SHIPPED["sales"])
    code, out, err = await finished(
        "--url", servers["plain"].url, "--mix", "files=3,get_customer=0.0001,steps=1",
        "--requests", "30", "--era", "both", "--processes", "2", "--accept-busy-client",
    )  # fmt: skip

    assert code == 0, out + err
    assert "tools/call steps" in out
