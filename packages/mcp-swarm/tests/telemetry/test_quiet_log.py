"""What a caller does wrong is no error of the server's: the log says it in a line, or not at all."""

import asyncio
import json
import re
from collections.abc import Iterator

import pytest

from lab.mcp_wire import ERAS, call, is_error, request, text, with_headers
from lab.modes import MODES, Served, serving
from lab.replica import SAMPLE, Replica

pytestmark = pytest.mark.processes

PACKAGES = (*SAMPLE, "lab.sample.picky", "lab.sample.noisy")


@pytest.fixture(scope="module", params=MODES)
def running(request, tmp_path_factory) -> Iterator[tuple[str, Replica]]:
    with serving(request.param, tmp_path_factory.mktemp("quiet"), PACKAGES) as made:
        yield request.param, made


@pytest.fixture
async def served(running, http) -> Served:
    return Served(*running, http)


def mistakes(era):
    """Requests that are wrong in one thing each."""
    yield call("no_such_tool", era)
    yield call("add", era, a="x", b=2)
    yield call("add", era)
    yield request("prompts/get", era, name="nothing")
    yield request("prompts/get", era, name="report", arguments={"since": "soon"})
    yield request("prompts/get", era, name="report", arguments={"since": 7})
    yield request("resources/read", era, uri="year://x/y")
    yield request("resources/read", era, uri="nowhere://x")
    yield request("resources/read", era, uri=5)
    yield request("tools/list", era, cursor="beyond")
    yield request("tools/call", era, name="add", arguments=[1])
    yield request("tools/call", era, name="add", arguments={}, requestState="v1.forged")
    yield request("no/such/method", era)
    yield with_headers(call("add", era, a=1, b=2), MCP_Protocol_Version="1.0")
    yield with_headers(call("add", era, a=1, b=2), Content_Type="text/plain")
    yield with_headers(call("add", era, a=1, b=2), Accept="text/html")
    yield with_headers(call("add", era, a=1, b=2), Mcp_Session_Id="0" * 32)
    yield with_headers(call("add", era, a=1, b=2), Host="elsewhere.example:1")
    for body in (b"{", b"[]", b'{"jsonrpc":"2.0","id":null,"method":"ping"}', b"[" * 5000, b"\xff"):
        made = call("add", era, a=1, b=2)
        yield {"headers": made["headers"], "content": body}
    yield request("tools/list", era, request_id="\ud800")


@pytest.mark.parametrize("era", ERAS)
async def test_callers_mistakes_leave_no_error_in_the_log(served, era):
    began = len(served.replica.log)
    for wrong in mistakes(era):
        body = wrong["content"] if "content" in wrong else json.dumps(wrong["json"]).encode()
        made = {"headers": wrong["headers"], "content": body}
        if "Mcp-Session-Id" in made["headers"]:
            response = await served.http.post(served.replica.url, **made)
        else:
            response = await served.post(era, made)
        assert response.status_code < 500, made
    await reported(served)
    log = served.replica.log[began:]
    assert "Traceback" not in log
    assert not re.findall(r".* ERROR .*", log)


async def reported(served: Served) -> None:
    """Waits until the log has what came before."""
    name = f"after-{served.mode.replace(' ', '-').replace(',', '')}-{len(served.replica.log)}"
    await served.http.get(f"{served.replica.base}/version", headers={"X-Request-Id": name})
    await served.replica.logged(rf"\[{name}\] 200 GET /version")


@pytest.mark.parametrize("era", ERAS)
async def test_a_cut_upload_is_no_error(served, era):
    """Its client has gone: there is nobody to answer, so there is no 500 either."""
    began = len(served.replica.log)
    made = call("add", era, a=1, b=2)
    lines = [f"{name}: {value}" for name, value in made["headers"].items()]
    for length in ("Content-Length: 5000", "Transfer-Encoding: chunked"):
        _, writer = await asyncio.open_connection("127.0.0.1", served.replica.port)
        head = "\r\n".join(["POST /mcp HTTP/1.1", "Host: localhost", length, *lines, "", ""])
        writer.write(head.encode() + b'9\r\n{"jsonrpc')
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()
    await served.replica.logged(r"(?s).*( POST /mcp .*){2}")
    await reported(served)
    log = served.replica.log[began:]
    assert " 500 " not in log
    assert "Traceback" not in log
    assert not re.findall(r".* (ERROR|WARNING) .*", log)


@pytest.mark.parametrize("era", ERAS)
async def test_a_tools_own_no_is_logged_with_its_reason(served, era):
    """In one line, whatever the reason has in it; the control is a bug, with its traceback."""
    began = len(served.replica.log)
    assert is_error(await served.post(era, call("says_no", era, name="Ulm")))
    assert is_error(await served.post(era, call("upstream_fails", era)))
    await reported(served)
    log = served.replica.log[began:]
    assert "Traceback" not in log
    (line,) = [line for line in log.splitlines() if "says_no': " in line]
    assert "WARNING" in line
    assert line.endswith(
        "Error calling tool 'says_no': there is no customer Ulm here: ask for another"
    )
    (line,) = [line for line in log.splitlines() if "upstream_fails': " in line]
    assert "503" in line
    assert is_error(await served.post(era, call("has_a_bug", era)))
    await reported(served)
    log = served.replica.log[began:]
    assert "Traceback" in log
    assert "KeyError: 'missing'" in log


@pytest.mark.parametrize("era", ERAS)
async def test_a_log_message_of_a_tool_warns_of_no_deprecation(served, era):
    assert text(await served.post(era, call("says_something", era))) == "said"
    await reported(served)
    assert "deprecated" not in served.replica.log
    assert "MCPDeprecationWarning" not in served.replica.log
