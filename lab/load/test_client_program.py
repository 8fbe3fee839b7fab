"""`test_mcp_client.py` against plain FastMCP servers, correct and faulty ones."""

import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NamedTuple

import pytest

import test_mcp_client
from mcp_swarm_load.testing.runs import finished

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
CLIENT = (sys.executable, str(ROOT / "test_mcp_client.py"))


class Plain(NamedTuple):
    """A running plain server: its URL and its output."""

    url: str
    log: IO[bytes]

    def printed(self) -> bytes:
        self.log.seek(0)
        return self.log.read()


@pytest.fixture(scope="module")
def plain() -> Iterator[Callable[..., Plain]]:
    """Returns a plain server with these options. All tests here share one process for each."""
    servers: dict[tuple[str, ...], Plain] = {}
    with ExitStack() as stack:

        def give(*options: str) -> Plain:
            if options not in servers:
                command = [sys.executable, "-m", "lab.load.plain", *options]
                log = stack.enter_context(tempfile.TemporaryFile())
                process = stack.enter_context(
                    subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log)
                )
                stack.callback(process.terminate)
                assert process.stdout is not None
                port = int(process.stdout.readline())
                servers[options] = Plain(f"http://127.0.0.1:{port}/mcp", log)
            return servers[options]

        yield give


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs the script's main in this process. Returns exit code and output."""

    def run(server: Plain, *words: str) -> tuple[int, str]:
        code = test_mcp_client.main(["--url", server.url, *words])
        return code, capsys.readouterr().out

    return run


def wrong(out: str) -> list[str]:
    """Returns the names in the lines marked ✗, each once."""
    lines = [line.split("✗", 1)[1] for line in out.splitlines() if "✗" in line]
    return list(dict.fromkeys(line[:29].strip() for line in lines))


@pytest.mark.parametrize("options", [(), ("stream",), ("stateful", "stream"), ("stateful",)])
def test_a_plain_server_passes_in_both_eras(plain, check, options):
    server = plain(*options)
    code, out = check(server)

    assert (code, wrong(out)) == (0, [])
    assert out.count("✓ connect                      plain") == 2
    assert "protocol 2026-07-28" in out
    assert "protocol 2025-11-25" in out
    assert 'add("a": 1, "b": 10.0, "where": "whe") → 11.0 in whe' in out
    assert "count_to: Count to 1." in out
    assert out.count("answered by plain-1") == 2
    assert b"WIPED what" not in server.printed()


def test_a_tool_that_requests_input_is_answered_in_a_session(plain, check):
    server = plain("stateful", "stream")
    _, out = check(server, "--era", "legacy")

    assert "✓ answer a question            asked 'How many?'" in out
    assert "✓ answer a GET                 200, an event stream" in out


def test_a_server_with_a_token_rejects_other_tokens(plain, check):
    server = plain("guarded")
    code, out = check(server, "--token", "sesame-open")
    without, text = check(server)

    assert (code, wrong(out)) == (0, [])
    assert out.count("✓ refuse a missing token       401, Bearer") == 2
    assert (without, wrong(text)) == (1, ["connect"])
    assert "HTTP 401: give --token" in text


def test_a_server_without_tools_passes_and_skips_the_other_checks(plain, check):
    server = plain("empty")
    code, out = check(server)

    assert (code, wrong(out)) == (0, [])
    assert "- call a tool                  no tool is marked readOnlyHint" in out


def test_a_tool_that_rejects_made_up_values_is_no_fault_unless_it_is_named(plain, check):
    """A tool of jobs expects the id of one, which nobody can make from its schema."""
    server = plain("picky")
    code, out = check(server)
    named, text = check(server, "--tool", "refuses", "--args", '{"region": "north"}')

    assert (code, wrong(out)) == (0, [])
    assert "name one with --tool and --args: refuses(" in out
    assert (named, wrong(text)) == (1, ["call a tool"])


def test_a_tool_that_breaks_at_made_up_values_is_a_fault(plain, check):
    """An exception is no rejection: the server is at fault, or what it needs."""
    code, out = check(plain("picky", "broken"))

    assert (code, wrong(out)) == (1, ["call a tool"])
    assert "Error calling tool" in out


def test_the_named_tool_is_called_even_if_it_is_destructive(plain, check):
    server = plain()
    code, out = check(server, "--tool", "wipe", "--args", '{"what": "all"}')

    assert code == 0
    assert 'wipe("what": "all") → gone' in out
    assert b"WIPED all" in server.printed()


def test_a_traceback_in_an_error_is_found(plain, check):
    server = plain("careless")
    code, out = check(server)

    assert (code, wrong(out)) == (1, ["errors show nothing inside"])


def test_a_proxy_that_hides_http_statuses_is_found_in_each_check_on_them(plain, check):
    server = plain("says-200")
    code, out = check(server, "--era", "modern")

    assert code == 1
    assert wrong(out) == [
        "refuse an unknown method",
        "refuse an unknown version",
        "refuse what is not JSON",
        "refuse header without body",
        "refuse another tool's name",
        "refuse missing headers",
        "refuse missing _meta",
        "answer a GET",
    ]


def test_an_unneeded_token_is_found(plain, check):
    server = plain()
    code, out = check(server, "--token", "anything")

    assert (code, wrong(out)) == (1, ["refuse a missing token"])


def test_a_wrong_path_is_one_line_with_the_next_step(plain, check):
    server = plain()
    code, out = check(server._replace(url=server.url + "/x"), "--era", "legacy")

    assert (code, wrong(out)) == (1, ["connect"])
    assert "HTTP 404: is the path in --url right?" in out


async def test_an_unreachable_target_gives_exit_code_3_and_one_line():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/mcp"
        code, out, err = await finished("--url", url, command=CLIENT)

    assert (code, out, err.count("\n")) == (3, "", 1)
    assert f"cannot reach {url}" in err


@pytest.mark.parametrize("words", [["--url", "x"], ["--era", "new"], ["--args", "{}"]])
def test_wrong_usage_gives_exit_code_2(words, capsys):
    with pytest.raises(SystemExit) as ended:
        test_mcp_client.main(words)

    assert (ended.value.code, capsys.readouterr().out) == (2, "")
