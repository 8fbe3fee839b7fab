"""`python -m server` as an operator runs it: it serves, or says in one line why it does not."""

import asyncio
import re
import shutil
import signal
import socket
import time

import httpx2
import pytest

from lab.mcp_wire import answer, call, request
from lab.replica import ROOT, SECONDS_TO_START
from mcp_swarm.config import Settings

STORING = ("lab.sample.storing",)


@pytest.fixture
def template(tmp_path):
    """A copy of the server as a user has it, with the examples deleted."""
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "server", copy / "server", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(copy / "server" / "examples")
    return copy


def the_one_error(made) -> str:
    """The error that stopped the start: exit 3, one line of it, no traceback."""
    assert made.wait(SECONDS_TO_START) == 3
    assert "Traceback" not in made.log
    errors = [line for line in made.log.splitlines() if re.search(r"error: |ERROR", line)]
    assert len(errors) == 1, made.log
    return errors[0]


async def test_it_serves_with_the_examples_deleted(fresh, template, http):
    """What is left starts, lists nothing and stops with 0."""
    made = fresh("-m", "server", cwd=template)
    made.wait_until_ready()
    for method in ("tools/list", "resources/list", "resources/templates/list", "prompts/list"):
        for era in ("modern", "legacy"):
            result = answer(await http.post(made.url, **request(method, era)))["result"]
            assert next(v for v in result.values() if isinstance(v, list)) == []
    assert made.stop() == 0
    assert not list(template.glob("*.db"))
    assert not list(made.folder.glob("*.db"))


async def test_it_serves_with_the_three_folders_gone(fresh, template, http):
    """Deleted, __init__.py and all; and a file dropped into a new folder is live."""
    for name in ("tools", "resources", "prompts"):
        shutil.rmtree(template / "server" / name)
    (template / "server" / "tools").mkdir()
    (template / "server" / "tools" / "__init__.py").touch()
    source = "from fastmcp.tools import tool\n@tool\ndef weather(city: str) -> str:\n    return f'Sun in {city}'\n"
    (template / "server" / "tools" / "weather.py").write_text(source)
    made = fresh("-m", "server", cwd=template)
    made.wait_until_ready()
    result = answer(await http.post(made.url, **call("weather", city="Oslo")))["result"]
    assert result["structuredContent"] == {"result": "Sun in Oslo"}


def test_a_broken_tool_file_stops_the_start(fresh, template):
    """File, line, reason and the next step."""
    (template / "server/tools/weather.py").write_text("import antigravity_not_there\n")
    error = the_one_error(fresh("-m", "server", cwd=template))
    assert "server/tools/weather.py:1 cannot be imported: ModuleNotFoundError" in error
    assert "Next: " in error


def test_a_misspelt_setting_stops_the_start(fresh):
    """The right name is told."""
    error = the_one_error(fresh("-m", "server", cwd=ROOT, MCP_STATELES_HTTP="false"))
    assert error.endswith("MCP_STATELES_HTTP is not a setting. Did you mean MCP_STATELESS_HTTP?")


def test_a_port_in_use_stops_the_start(fresh, template):
    """Host, port and the setting to change."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        error = the_one_error(fresh("-m", "server", cwd=template, MCP_PORT=port))
    assert f"Cannot listen on MCP_HOST '127.0.0.1', MCP_PORT {port}" in error
    assert "in use" in error


def test_a_host_that_is_not_here_stops_the_start(replica):
    """Not only ports can be wrong."""
    for host in ("192.0.2.1", "no-such-host.invalid"):
        error = the_one_error(replica(ready=False, MCP_HOST=host))
        assert f"MCP_HOST '{host}'" in error


@pytest.mark.parametrize(
    ("url", "reported"),
    [
        ("no-url-at-all-canary", "DATABASE_URL is not a database URL"),
        ("sqlite+aiosqlite:////no/such/folder/x.db", "unable to open database file"),
        ("sqlite:///x.db", "async"),
        ("mysql+no_driver://u:canary@h/n", "mysql"),
        ("postgresql+asyncpg://u:canary@h:port/n", "DATABASE_URL"),
    ],
)
def test_a_wrong_database_stops_the_start(replica, url, reported):
    """The reason and the form that is expected; never the password."""
    error = the_one_error(replica(packages=STORING, ready=False, DATABASE_URL=url))
    assert "DATABASE_URL" in error
    assert reported in error
    assert "canary" not in error


async def test_a_database_that_nobody_declared_is_not_opened(replica, http):
    """Without a tool that needs it, DATABASE_URL may say anything."""
    made = replica(DATABASE_URL="sqlite+aiosqlite:////no/such/folder/x.db")
    assert (await http.get(f"{made.base}/readyz")).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_start_waits_for_the_database_ends_it(replica, number):
    """It was asked to stop: exit 0 at once, not after the database's patience."""
    nowhere = "postgresql+asyncpg://u:p@127.0.0.1:1/n"
    made = replica(packages=STORING, ready=False, DATABASE_URL=nowhere, MCP_DRAIN_SECONDS="1")
    made.wait_for_log("the database does not answer yet")
    assert made.stop(number) == 0
    assert "Traceback" not in made.log


async def test_replicas_that_start_together_share_one_database(replica, http):
    """One of them creates and seeds the tables; the others wait, and read the same."""
    url = "sqlite+aiosqlite:///../shared.db"
    together = [replica(packages=STORING, ready=False, DATABASE_URL=url) for _ in range(4)]
    for made in together:
        made.wait_until_ready()
        result = answer(await http.post(made.url, **call("notes")))["result"]
        assert result["structuredContent"] == {"result": ["seeded"]}


async def test_a_session_commits_at_the_end_and_rolls_back_on_an_error(replica, http):
    """What a failed call wrote is not there."""
    made = replica(packages=STORING)
    failed = answer(await http.post(made.url, **call("write_note", text="a", then_fail=True)))
    assert failed["result"]["isError"]
    await http.post(made.url, **call("write_note", text="b"))
    notes = answer(await http.post(made.url, **call("notes")))["result"]["structuredContent"]
    assert notes == {"result": ["b", "seeded"]}


@pytest.mark.parametrize("arguments", [["--prot", "1"], ["surf"], ["serve", "more"]])
def test_wrong_usage_is_exit_2(fresh, arguments):
    """The usage is printed, and nothing is started."""
    made = fresh("-m", "server", *arguments, cwd=ROOT)
    assert made.wait(SECONDS_TO_START) == 2
    assert "usage: python -m server" in made.log


def test_help_tells_the_exit_codes(fresh):
    """And is no failure."""
    made = fresh("-m", "server", "--help", cwd=ROOT)
    assert made.wait(SECONDS_TO_START) == 0
    assert "3 could not start" in made.log


async def test_any_asgi_server_can_run_the_app(fresh, template, http):
    """`uvicorn server.server:app`, with uvicorn's own stop instead of ours."""
    made = fresh("-m", "uvicorn", "server.server:app", "--port=0", cwd=template)
    # "startup complete" comes before it listens
    port = made.wait_for_log(r"Uvicorn running on http://127\.0\.0\.1:(\d+)")[1]
    response = await http.get(f"http://127.0.0.1:{port}/version")
    assert response.headers["x-served-by"] == "tested"


def test_what_other_replicas_will_not_see_is_told_with_the_setting(shared, service):
    """With `memory://`, whatever the mode; with a shared Redis there is nothing to say."""
    reported = "in the memory of this process.* REDIS_URL=redis://"
    assert re.search(reported, shared.log)
    assert not re.search(reported, service().log)


def test_a_free_port_is_told(shared):
    """MCP_PORT=0 takes one, and the log says which."""
    assert shared.port > 0
    assert Settings.model_fields["mcp_port"].default == 8000


async def test_an_ipv6_address_is_served_in_brackets(replica, http):
    """As a URL has it; the log names a URL that works."""
    made = replica(MCP_HOST="[::1]", ready=False)
    url = (await made.logged(r"listening on (http://\[::1\]:\d+)/mcp"))[1]
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            assert (await http.get(f"{url}/version")).status_code == 200
            break
        except httpx2.ConnectError:  # bound, and listened on in a moment
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
