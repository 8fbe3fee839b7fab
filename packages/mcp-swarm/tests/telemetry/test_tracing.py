"""A traced call takes the fast path, and its span is the one that FastMCP opens."""

import json
import subprocess
import sys

import pytest

from lab.fast_path.traced import OTHER, PARENT, PARENTS, REQUESTS
from lab.mcp_wire import ERAS, call, text
from lab.replica import SAMPLE

pytestmark = pytest.mark.processes


def traced(fast):
    """What `lab.fast_path.traced` prints, in a process of its own: a provider is for good."""
    command = [sys.executable, "-m", "lab.fast_path.traced", fast]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return json.loads(run.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def both():
    """The spans of the same requests on the fast path, and without it."""
    return traced("true"), traced("false")


def test_traced_calls_take_the_fast_path_unless_it_is_switched_off(both):
    """Whether the trace comes from the server, from a header or from `_meta`."""
    unknown = 2 * len(PARENTS)  # a tool that there is not is FastMCP's to refuse
    assert both[0]["taken"] == len(ERAS) * len(REQUESTS) * len(PARENTS) - unknown
    assert both[1]["taken"] == 0


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("what", REQUESTS)
@pytest.mark.parametrize("parent", PARENTS)
def test_the_span_is_the_same_on_both_paths(both, era, what, parent):
    """Name, kind, parent, status, attributes and events; and the record names its trace."""
    fast, slow = (found["seen"][f"{era}, {what}, {parent}"] for found in both)
    assert fast == slow
    assert fast["noted"]
    (span,) = fast["spans"]
    expected = {"none": None, "header": f"0x{PARENT}", "_meta": f"0x{OTHER}"}[parent]
    assert (span["kind"], span["parent"]) == ("SpanKind.SERVER", expected)


def test_nothing_is_imported_where_no_provider_is_configured():
    """The SDK, its exporters, and FastMCP's tracer stay out of a server that traces nothing."""
    code = (
        "import sys; from mcp_swarm import build, config, serve;"
        f"serve.build_app(s := config.load(), build.build_mcp(s, {SAMPLE!r}));"
        "print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


async def test_the_switch_leaves_every_call_to_the_framework(replica, http):
    """``MCP_FAST_PATH=false``: the answers are the same, FastMCP gives them."""
    made = replica(MCP_FAST_PATH="false", MCP_LOG_LEVEL="debug")
    for era in ERAS:
        assert text(await http.post(made.url, **call("echo", era, text="x"))) == "x"
    assert "the fast path answered" not in made.log
