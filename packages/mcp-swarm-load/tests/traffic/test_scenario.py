"""Scenario files: their fields, their errors and their expectations."""

import uuid
from pathlib import Path

import pytest

from mcp_swarm_load.schedule import Pause
from mcp_swarm_load.traffic.calls import Features
from mcp_swarm_load.traffic.expect import Argument, Expect, parse_path
from mcp_swarm_load.traffic.scenario import read, shipped
from mcp_swarm_load.traffic.values import Constant, RandomSource
from mcp_swarm_load.traffic.yaml_node import ScenarioError


def file(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text)
    return str(path)


def drawn(folder: Path, value: str, times: int = 200, source: RandomSource | None = None) -> list:
    """Returns an argument with this value in a number of calls."""
    text = f"calls:\n  - tool: t\n    arguments:\n      it: {value}\n"
    params = read(file(folder, text)).kinds[0].params
    source = source or RandomSource(1)
    return [params.draw(source)["arguments"]["it"] for _ in range(times)]


def test_a_scenario_has_callers_calls_and_expectations(tmp_path):
    scenario = read(file(tmp_path, """
about: all that can be said
callers: 60
think: {exponential: 1.5}
era: both
sessions: 20
tokens: tenants.txt
calls:
  - tool: add
    weight: 3
    arguments: {a: 1, b: 2}
    progress: true
    answers: {sure: {ok: true}}
    tasks: true
    era: modern
    expect:
      - {at: structuredContent.result, equals: 3}
  - method: resources/read
    params: {uri: "data://about"}
  - tool: whatever
"""))  # fmt: skip

    assert (scenario.callers, scenario.era, scenario.sessions) == (60, "both", 20)
    assert scenario.think == Pause(1.5, "exponential")
    assert scenario.tokens == tmp_path / "tenants.txt"
    add, about, whatever = scenario.kinds
    assert (add.label, add.weight, add.era) == ("tools/call add", 3, "modern")
    assert add.params == Constant({"name": "add", "arguments": {"a": 1, "b": 2}})
    assert add.features == Features(progress=True, answers={"sure": {"ok": True}}, tasks=True)
    assert add.expect == (Expect("equals", 3, "structuredContent.result"),)
    assert about.params == Constant({"uri": "data://about"})
    assert whatever.params is None, "to be made from the tool's schema"


def test_values_are_drawn_as_their_tags_say(tmp_path):
    choices = drawn(tmp_path, "!choice [north, 7]")
    assert set(choices) == {"north", 7}
    assert set(drawn(tmp_path, "!integer 1..6")) == {1, 2, 3, 4, 5, 6}
    lengths = {len(text) for text in drawn(tmp_path, "!text 3..5")}
    assert lengths == {3, 4, 5}
    ids = drawn(tmp_path, "!uuid")
    assert len({uuid.UUID(each) for each in ids}) == 200
    assert drawn(tmp_path, "!sequence 10", 3) == [10, 11, 12]
    assert drawn(tmp_path, "!join [order-, !sequence 1, -x]", 2) == ["order-1-x", "order-2-x"]
    assert drawn(tmp_path, "!json {n: !sequence 1}", 2) == ['{"n": 1}', '{"n": 2}']
    assert drawn(tmp_path, "[1, {a: [!integer 4]}, 2026-01-31]", 1) == [
        [1, {"a": [4]}, "2026-01-31"]
    ]


def test_sequences_of_two_processes_never_give_the_same_number(tmp_path):
    mine, other = (drawn(tmp_path, "!sequence 1", 100, RandomSource(1, n, 2)) for n in (0, 1))

    assert sorted(mine + other) == list(range(1, 201))


def test_processes_draw_different_values(tmp_path):
    mine, other = (
        drawn(tmp_path, "!integer 1..1000000", 20, RandomSource(1, n, 2)) for n in (0, 1)
    )

    assert mine != other


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", "", "the file is empty. Expected `calls:`"),
        ("calls: [", ":1", "not YAML"),
        ("about: x", ":1", "a mapping: expected `calls`, a list of calls"),
        ("calls: 5", ":1", "calls: '5': expected a list"),
        ("calls: []", ":1", "calls: a list: expected at least one call"),
        ("caller: 5\ncalls: [{tool: t}]", ":1",
         "caller: 'caller': expected one of about, calls, callers"),
        ("caller: 5\ncalls: [{tool: t}]", ":1", "did you mean callers?"),
        ("callers: 0\ncalls: [{tool: t}]", ":1", "callers: '0': expected a whole number, 1 or more"),
        ("callers: 1.5\ncalls: [{tool: t}]", ":1", "expected a whole number, 1 or more"),
        ("callers: 5\nrate: 3\ncalls: [{tool: t}]", ":2", "expected callers (a closed loop) or rate (an open loop), not both"),
        ("burst: 3..5\ncalls: [{tool: t}]", ":1", "burst: '3..5': expected rate as well"),
        ("rate: 1\nburst: 5..3\ncalls: [{tool: t}]", ":2", "from the lower to the higher"),
        ("era: new\ncalls: [{tool: t}]", ":1", "era: 'new': expected one of modern, legacy, both"),
        ("think: soon\ncalls: [{tool: t}]", ":1", "think: 'soon': expected a number above 0"),
        ("calls:\n- tool: t\n  weight: 0", ":3", "calls[0].weight: '0': expected a number above 0"),
        ("calls:\n- tool: t\n- weight: 1", ":3", "calls[1]: a mapping: expected either tool or method"),
        ("calls:\n- tool: t\n  method: ping", ":2", "expected either tool or method"),
        ("calls:\n- method: tools/cal", ":2", "calls[0].method: 'tools/cal': expected one of tools/list"),
        ("calls:\n- method: ping\n  arguments: {}", ":3", "expected params, because this calls a method"),
        ("calls:\n- tool: t\n  arguments: [1]", ":3", "calls[0].arguments: a list: expected a mapping"),
        ("calls:\n- tool: t\n  arguments:\n    n: !integr 1", ":4",
         "calls[0].arguments.n: '!integr 1': expected !choice, !integer, !text"),
        ("calls:\n- tool: t\n  arguments:\n    n: !integer few", ":4",
         "'!integer few': expected a range of whole numbers, such as 1..20"),
        ("calls:\n- tool: t\n  arguments:\n    n: !choice []", ":4", "expected at least one value"),
        ("calls:\n- tool: t\n  tool: u", ":3", "tool only once"),
        ("calls:\n- tool: t\n  expect:\n  - {at: a, equals: 1, contains: 2}", ":4",
         "calls[0].expect[0]: a mapping: expected one of equals, contains, error"),
        ("calls:\n- tool: t\n  expect:\n  - {at: 'a[x]', equals: 1}", ":4",
         "a path such as structuredContent.regions[0].region"),
        ("calls:\n- tool: t\n  expect: [{equals: 1}]", ":3", "`at` as well"),
        ("calls:\n- tool: t\n  expect: [{error: 5}]", ":3", "true, or a text in the error"),
        ("calls:\n- tool: t\n  progress: 1", ":3", "progress: '1': expected true or false"),
    ],
)  # fmt: skip
def test_an_error_in_a_scenario_is_reported_with_its_position(tmp_path, text, line, said):
    """The message has file, line, path, value and what was expected."""
    path = file(tmp_path, text)
    with pytest.raises(ScenarioError) as refused:
        read(path)

    assert str(refused.value).startswith(f"{path}{line}")
    assert said in str(refused.value)


def test_an_unknown_scenario_is_reported_with_the_known_ones():
    with pytest.raises(ScenarioError, match=r"salez: no such scenario.* or one of .*sales"):
        read("salez")


@pytest.mark.parametrize("name", shipped())
def test_the_shipped_scenarios_can_be_read(name):
    scenario = read(name)

    assert scenario.kinds
    for kind in scenario.kinds:
        assert kind.params is not None
        assert kind.expect, f"{kind.label}: every answer is looked into"


RESULT = {
    "content": [{"type": "text", "text": "north leads"}],
    "structuredContent": {"regions": [{"region": "north", "sales": 3}], "none": None},
}
ERROR = {"isError": True, "content": [{"type": "text", "text": "no such region"}]}


@pytest.mark.parametrize(
    ("expect", "result", "said"),
    [
        (Expect("equals", "north", "structuredContent.regions[0].region"), RESULT, ""),
        (Expect("equals", None, "structuredContent.none"), RESULT, ""),
        (Expect("equals", Argument("region"), "structuredContent.regions[0].region"), RESULT, ""),
        (Expect("equals", "south", "structuredContent.regions[0].region"), RESULT,
         'wrong result at structuredContent.regions[0].region: "north", expected equals "south"'),
        (Expect("equals", 3, "structuredContent.regions[1].sales"), RESULT, "nothing at"),
        (Expect("equals", 3, "structuredContent.regions.sales"), RESULT, "nothing at"),
        (Expect("contains", "north"), RESULT, ""),
        (Expect("contains", "south"), RESULT, "wrong result"),
        (Expect("contains", {"region": "north", "sales": 3}, "structuredContent.regions"), RESULT, ""),
        (Expect("contains", "orth", "structuredContent.regions[0].region"), RESULT, ""),
        (Expect("contains", "orth", "structuredContent.regions[0].sales"), RESULT, "wrong result"),
        (Expect("error", True), ERROR, ""),
        (Expect("error", "no such"), ERROR, ""),
        (Expect("error", "no money"), ERROR, "unexpected error: no such region"),
        (Expect("error", True), RESULT, "expected an error, got: north leads"),
        (Expect("may_fail", "no such"), RESULT, ""),
        (Expect("may_fail", "no money"), ERROR, "tool error: no such region"),
    ],
)  # fmt: skip
def test_an_answer_is_checked_against_its_expectation(expect, result, said):
    wrong = expect.wrong(result, {"region": "north"})

    assert bool(wrong) == bool(said)
    assert said in wrong


def test_paths_have_names_and_indices():
    assert parse_path("a.b[0][12].c") == ("a", "b", 0, 12, "c")
    for wrong in ("", "a..b", "a[b]", "a]", ".[1"):
        with pytest.raises(ValueError, match=r".*"):
            parse_path(wrong)
