"""The load tester as a program: options, exit codes, signals and output."""

import asyncio
import json
import signal
import socket

import pytest

from mcp_swarm_load.cli.main import main
from mcp_swarm_load.report.paint import TIMES
from mcp_swarm_load.testing.runs import BUSY, finished, names, on_a_terminal, program
from mcp_swarm_load.testing.target import Target

pytestmark = pytest.mark.processes


async def test_the_defaults_make_fifty_calls_ten_at_a_time_and_pass():
    async with Target(replica=lambda n: names(3)[n % 3]).serving() as target:
        code, out, err = await finished("--url", target.url, BUSY)

    assert (code, err) == (0, "")
    assert "closed loop, 10 callers, 50 calls" in out
    assert "PASS" in out
    assert all(name in out for name in names(3))
    assert len(target.requests) == 50
    assert "\x1b" not in out


async def test_a_single_failed_call_gives_exit_code_1():
    async with Target(fault=lambda n: "rpc error" if n == 30 else "").serving() as target:
        code, out, _ = await finished("--url", target.url)

    assert code == 1
    assert "98.00 %" in out
    assert f"1 {TIMES} JSON-RPC error -32603: lost in the dark" in out


async def test_an_unreachable_target_gives_exit_code_3_and_one_line():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/mcp"
        code, out, err = await finished("--url", url)

    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "connection refused" in err


async def test_a_host_name_that_does_not_exist_is_named():
    code, _, err = await finished("--url", "http://no-such-host.invalid/mcp")

    assert code == 3
    assert "no-such-host.invalid:80" in err


async def test_a_target_without_http_gives_exit_code_3_with_its_reason():
    async with Target(fault=lambda n: "garbage").serving() as target:
        code, out, err = await finished("--url", target.url)

    assert code == 3
    assert f"50 {TIMES} answer is not HTTP/1.1" in out
    assert "no HTTP answer" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--url", "localhost:8150"], "expected a URL such as http://localhost:8150/mcp"),
        (["--url", "http://localhost:99999/mcp"], "expected a URL"),
        (["--requests", "0"], "a whole number, 1 or more"),
        (["--concurrent", "ten"], "a whole number, 1 or more"),
        (["--rate", "nan"], "a number above 0"),
        (["--rate", "5", "--concurrent", "5"], "give one of the two"),
        (["--arrivals", "poisson"], "needs --rate"),
        (["--args", "{}"], "--args without --tool"),
        (["--tool", "t", "--args", "[1]"], "expected a JSON object"),
        (["--tool", "t", "--args", "{"], "is not JSON"),
        (["--token", "@/no/such/file"], "cannot read the token"),
        (["--expect-replicas", "0"], "a number above 0, or names"),
        (["--json", "/no/such/folder/x.json"], "no such folder"),
        (["--request", "5"], "unrecognized arguments"),
    ],
)
def test_wrong_usage_gives_exit_code_2_and_says_what_is_expected(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    out, err = capsys.readouterr()

    assert (ended.value.code, out) == (2, "")
    assert said in err


async def test_a_tool_gets_its_arguments_and_token_and_the_token_is_not_printed(
    tmp_path,
):
    (tmp_path / "token").write_text("sesame-open\n")
    async with Target().serving() as target:
        words = [BUSY, "--url", target.url, "--requests", "3", "--era", "legacy", "--tool", "add",
                 "--args", '{"a": 1}', "--token"]  # fmt: skip
        code, out, _ = await finished(*words, f"@{tmp_path}/token")
        typed, plain, _ = await finished(*words[:-1], "--token=sesame-open")
        _, apart, _ = await finished(*words, "sesame-open")

    assert (code, typed) == (0, 0)
    assert all(b"Authorization: Bearer sesame-open\r\n" in request for request in target.requests)
    assert all(b'"arguments":{"a":1}' in request for request in target.requests)
    assert "sesame" not in out + plain + apart


async def test_json_has_the_run_and_can_be_the_only_output(tmp_path):
    async with Target(replica=lambda n: names(2)[n % 2]).serving() as target:
        await finished("--url", target.url, "--json", str(tmp_path / "run.json"))
        code, out, err = await finished("--url", target.url, BUSY, "--json", "-")
    written, piped = json.loads((tmp_path / "run.json").read_text()), json.loads(out)

    assert code == 0
    assert "PASS" in err
    assert written.keys() == piped.keys()
    assert (
        piped["schema"],
        piped["totals"]["right"],
        piped["verdict"]["passed"],
    ) == ("mcp-swarm-loadtest/1", 50, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_run_reports_its_result_so_far(number):
    """The report includes the call that still waits."""
    async with Target(delay=lambda n: 60.0 if n == 20 else 0.0).serving() as target:
        process = await program("--url", target.url, "--duration", "60", "--rate", "100", BUSY)
        await target.wait_for_requests(60)
        process.send_signal(number)
        out, err = await asyncio.wait_for(process.communicate(), 30)

    assert (process.returncode, err) == (0, b"")
    assert "interrupted: this is the run so far" in out.decode()
    assert "1 unfinished when interrupted" in out.decode()


async def test_a_run_lasts_for_its_duration():
    async with Target().serving() as target:
        _, out, _ = await finished(
            "--url", target.url, "--duration", "1", "--rate", "50", "--json", "-"
        )
    run = json.loads(out)

    assert (run["totals"]["planned"], run["totals"]["right"]) == (50, 50)
    assert 0.9 <= run["seconds"] < 10


async def test_a_terminal_gets_colour_and_a_progress_line_unless_no_color_is_set():
    async with Target(replica=lambda n: names(3)[n % 3]).serving() as target:
        words = ("--url", target.url, "--rate", "100", "--duration", "1.2", BUSY)
        coloured = await on_a_terminal(*words, TERM="xterm", NO_COLOR="")
        plain = await on_a_terminal(*words, TERM="xterm", NO_COLOR="1")

    assert "\x1b[32mPASS\x1b[0m" in coloured
    assert "0 failed" in coloured.split("MCP SWARM")[0]
    assert "3 replicas" in coloured.split("MCP SWARM")[0]
    assert "\x1b[32m" not in plain


async def test_connections_closed_between_calls_fail_no_call_on_uvloop():
    """The program runs on uvloop. The other tests of this run on asyncio's loop."""
    async with Target(fault=lambda n: "leaves" if n % 3 == 2 else "").serving() as target:
        code, out, _ = await finished("--url", target.url, "--requests", "300", BUSY)

    assert code == 0
    assert "100.00 %" in out
