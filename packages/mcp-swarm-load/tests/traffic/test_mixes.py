"""Mixes and scenarios on the command line, and wrong results of successful calls."""

import json

import pytest

from mcp_swarm_load.cli.main import main
from mcp_swarm_load.testing.behaviours import http, result
from mcp_swarm_load.testing.runs import BUSY, finished
from mcp_swarm_load.testing.target import Target

pytestmark = pytest.mark.processes

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 7}},
    "required": ["n"],
}


def tools(head, message):
    """Serves two pages of tools. `double` is wrong for every third argument."""
    params = message["params"]
    if message["method"] == "tools/list" and "cursor" not in params:
        page = {"tools": [{"name": "double", "inputSchema": SCHEMA}], "nextCursor": "2"}
        return [(0.0, http(result(message, **page)))]
    if message["method"] == "tools/list":
        return [(0.0, http(result(message, tools=[{"name": "add", "inputSchema": {}}])))]
    n = params["arguments"].get("n", 0)
    reported = {"content": [], "structuredContent": {"result": 2 * n + (n % 3 == 0), "n": n}}
    return [(0.0, http(result(message, **reported)))]


async def test_a_wrong_result_of_a_successful_call_is_a_failure(tmp_path):
    """Each answer has its call's argument. Twice nine is not nineteen."""
    (tmp_path / "double.yaml").write_text("""
callers: 3
calls:
  - tool: double
    arguments: {n: !sequence 1}
    expect:
      - {at: structuredContent.n, equals: !argument n}
""")
    (tmp_path / "nine.yaml").write_text(
        "calls:\n- tool: double\n  arguments: {n: 9}\n"
        "  expect: [{at: structuredContent.result, equals: 18}]\n"
    )
    async with Target(script=tools).serving() as target:
        words = ["--url", target.url, "--requests", "30", BUSY, "--json", "-"]
        words.append("--scenario")
        code, out, _ = await finished(*words, str(tmp_path / "double.yaml"))
        wrong_code, wrong_out, _ = await finished(*words, str(tmp_path / "nine.yaml"))

    run, wrong = json.loads(out), json.loads(wrong_out)
    made = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in target.requests[:30]]
    assert sorted(each["params"]["arguments"]["n"] for each in made) == list(range(1, 31))
    assert (code, run["totals"]["right"], run["load"]["workers"]) == (0, 30, 3)
    assert (wrong_code, wrong["totals"]["failed"]) == (1, 30)
    assert wrong["errors"][0]["text"] == (
        "wrong result at structuredContent.result: 19, expected equals 18"
    )


async def test_a_mix_of_tools_reads_their_schemas_at_the_target():
    async with Target(script=tools).serving() as target:
        code, out, err = await finished(
            "--url", target.url, "--requests", "40", "--mix", "double=3,add,tools/list=0.5",
            "--json", "-", BUSY,
        )  # fmt: skip

    assert code == 0, err
    made = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in target.requests[2:]]
    doubles = [
        each["params"]["arguments"] for each in made if each["params"].get("name") == "double"
    ]
    assert doubles
    assert all(arguments == {"n": 7} for arguments in doubles)
    assert json.loads(out)["totals"]["right"] == 40


async def test_an_unknown_tool_is_reported_with_the_known_ones():
    async with Target(script=tools).serving() as target:
        code, out, err = await finished("--url", target.url, "--mix", "duble=1")

    assert (code, out) == (2, "")
    assert "no tool 'duble'. Did you mean double? Its tools: add, double" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mix", "sales=0"], "a number above 0"),
        (["--mix", ","], "expected names and weights"),
        (["--mix", "no.yaml=1"], "no.yaml: No such file"),
        (["--scenario", "salez"], "no such scenario"),
        (["--scenario", "sales", "--tool", "t"], "each says what to call"),
        (["--mix", "a=1", "--tool", "t"], "each says what to call"),
        (["--scenario", "sales", "--arrivals", "poisson"], "needs --rate"),
        (["--scenario", "deployments", "--think", "1"], "--think with --rate"),
        (["--warmup", "soon"], "expected seconds such as 5s, or a number of calls"),
        (["--ramp", "5/x"], "expected seconds such as 30, or seconds and steps"),
        (["--think", "log:5"], "expected seconds such as 2, or exp:2"),
        (["--burst", "10..50"], "--burst needs --rate"),
        (["--rate", "5", "--burst", "50..10"], "calls per burst"),
        (["--rate", "5", "--burst", "5", "--arrivals", "poisson"], "their own arrivals"),
        (["--sessions", "5"], "--sessions needs --era legacy or both"),
        (["--era", "legacy", "--tasks"], "need --era modern or both"),
        (["--era", "legacy", "--answer"], "need --era modern or both"),
        (["--processes", "2", "--warmup", "50"], "give seconds, such as --warmup 5s"),
        (["--processes", "20"], "at most one process per caller"),
        (["--token", "a", "--tokens", "{folder}/good"], "give one of the two"),
        (["--tokens", "/no/such/file"], "cannot read the tokens"),
        (["--tokens", "{folder}/empty"], "no token found"),
        (["--tokens", "{folder}/three"], "three:2: expected a token and a tenant's name"),
        (["--tokens", "{folder}/odd"], "odd:1: expected a token of printable ASCII"),
    ],
)
def test_wrong_usage_is_reported_with_what_is_expected(words, said, capsys, tmp_path):
    (tmp_path / "good").write_text("a\n")
    (tmp_path / "empty").write_text("# none\n\n")
    (tmp_path / "three").write_text("a b\nc d e\n")
    (tmp_path / "odd").write_text("gr\u00fc\u00df\n")
    with pytest.raises(SystemExit) as ended:
        main([word.format(folder=tmp_path) for word in words])
    out, err = capsys.readouterr()

    assert (ended.value.code, out) == (2, "")
    assert said in err


async def test_tokens_of_a_file_are_sent_in_turn_and_never_shown(tmp_path):
    (tmp_path / "tokens").write_text("# tenants\nsesame-1 ants\n\nsesame-2 bees\n")
    async with Target().serving() as target:
        code, out, _ = await finished(
            "--url", target.url, "--requests", "20", "--rate", "200", BUSY,
            "--tokens", str(tmp_path / "tokens"),
        )  # fmt: skip

    sent = [request.count(b"Bearer sesame-1\r\n") for request in target.requests]
    assert (code, sum(sent)) == (0, 10)
    assert "ants" in out
    assert "sesame" not in out
