"""A body is read once, within limits of size, time and memory, in every mode of the server."""

import asyncio
import hashlib
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from lab import legacy
from lab import replica as replicas
from lab.callers import CALLERS
from lab.legacy import Session
from lab.mcp_wire import ERAS, LEGACY, call, request, text, with_headers
from mcp_swarm.asgi.body import large_body
from mcp_swarm.asgi.body.budget import BUDGET, SHARE, Budget, BudgetSpentError
from mcp_swarm.asgi.body.large_body import MAX_VALUES, SMALL

pytestmark = pytest.mark.processes

MODES = {
    "default": {},
    "auto": {"MCP_JSON_RESPONSE": "auto"},
    "streams": {"MCP_JSON_RESPONSE": "false"},
    "sessions in memory": {"MCP_STATELESS_HTTP": "false"},
}
PADDING = {"padding": "x" * (SMALL + 1000)}
HELLO = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
# Each with something large in it.
NOT_LARGE = [
    ("initialize", "legacy", {**HELLO, "capabilities": {"experimental": {"x": PADDING}}}),
    ("tools/list", "modern", {"_meta": PADDING}),
    ("tools/list", "legacy", {"_meta": PADDING}),
    ("prompts/get", "modern", {"name": "p", "arguments": PADDING}),
    ("subscriptions/listen", "modern", {"notifications": {}, "_meta": PADDING}),
    ("notifications/progress", "legacy", PADDING),
    ("tasks/get", "modern", {"taskId": "t", "_meta": PADDING}),
]


@pytest.fixture(scope="module", params=MODES)
def mode(request, tmp_path_factory):
    """A replica in each mode."""
    made = replicas.start(tmp_path_factory.mktemp("mode"), **MODES[request.param])
    try:
        made.wait_until_ready()
        yield made
    finally:
        made.end()


def refusal(response):
    """What a refusal says: problem details, or an error for clients that die of an HTTP status."""
    reported = response.json()
    assert response.status_code == (200 if "error" in reported else 413)
    return reported["error"]["message"] if "error" in reported else reported["detail"]


def too_large(response):
    return "larger than 65536 bytes" in refusal(response)


@pytest.mark.parametrize(("method", "era", "params"), NOT_LARGE)
async def test_a_large_body_of_a_small_method_is_refused(mode, http, method, era, params):
    """Whether a header names the method or the body alone."""
    assert too_large(await http.post(mode.url, **request(method, era, **params)))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_call_is_served(mode, http, era, chunked):
    """tools/call may be as large as MCP_BODY_LIMIT; a session's too."""
    sent = call("echo", era, text="y" * 1_000_000)
    if era == "legacy":
        opened = await http.post(mode.url, **request("initialize", "legacy", **HELLO))
        if session := opened.headers.get("mcp-session-id"):
            sent = with_headers(sent, Mcp_Session_Id=session)
    if chunked:
        sent["content"] = parts(json.dumps(sent.pop("json")).encode())
    response = await http.post(mode.url, **sent)
    assert response.status_code == 200
    assert "y" * 1_000_000 in response.text


async def parts(body):
    for at in range(0, len(body), 10_000):
        yield body[at : at + 10_000]


async def test_a_session_in_redis_has_the_same_limits(service, http):
    """Its answers to the server may be large, its calls too, and nothing else."""
    made = service(**legacy.SETTINGS)
    session = await Session(http, [made]).open()
    assert too_large(await session.ask("ping", made, _meta=PADDING))
    assert text(await session.call("echo", made, text="y" * 100_000)) == "y" * 100_000
    large = {"action": "accept", "content": {"value": "z" * 100_000}}
    assert (await session.answer({"id": "nobody's"}, large, made)).status_code == 202


@pytest.mark.parametrize("first", ["params", "method"])
async def test_the_order_of_members_does_not_matter(shared, http, first):
    """Some clients write params before the method, which then comes after 64 KB."""
    params = {"name": "echo", "arguments": {"text": "y" * 100_000}}
    members = {"params": params, "method": "tools/call", "jsonrpc": "2.0", "id": 1}
    body = members if first == "params" else dict(reversed(members.items()))
    sent = {**request("ping", "legacy"), "json": body}
    assert text(await http.post(shared.url, **sent)) == "y" * 100_000
    assert too_large(await http.post(shared.url, **{**sent, "json": {**body, "method": "ping"}}))


async def test_a_method_that_is_named_twice_does_not_pass_the_limit(shared, http):
    """Parsers take the last of two members; so does the limit."""
    padding = json.dumps(PADDING)[1:-1]
    content = (
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo",'
        f'{padding}}},"m\\u0065thod":"tools/list"}}'
    )
    headers = request("ping", "legacy")["headers"]
    assert too_large(await http.post(shared.url, content=content, headers=headers))


@pytest.mark.parametrize("unit", ["[],", "0,", '{"a":0},', '"",', '"\\"",'])
async def test_a_body_of_too_many_values_is_refused_before_it_is_parsed(shared, http, unit):
    """They would hold the loop for long; the same bytes in one string do not."""
    many = unit * (MAX_VALUES + 1)
    head = (
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":'
    )
    headers = call("echo", "legacy")["headers"]
    content = f"{head}[{many}0]}}}}}}"[: 4 << 20]
    refused = await http.post(shared.url, content=content, headers=headers)
    assert f"more than {MAX_VALUES} JSON values" in refusal(refused)
    content = f"{head}{json.dumps(many[:1_000_000])}}}}}}}"
    assert (await http.post(shared.url, content=content, headers=headers)).status_code == 200


def test_counting_values_takes_less_than_parsing_them():
    """The worst that four MiB can hold, in less than the tenth of a second that parsing may take."""
    for unit in (b"[],", b"0,", b'"",', b'"a",', b'"\\"",', b'"\\\\",', b'{"":0},'):
        body = unit * ((4 << 20) // len(unit))
        began = time.process_time()
        assert large_body.has_too_many_values(body)
        assert time.process_time() - began < 0.3, unit


async def opened(made, head, body=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
    writer.write(head + body)
    return reader, writer


def head_of(size, method="tools/call", **headers):
    """The head of a POST that declares `size` bytes."""
    reported = {**request(method, "legacy")["headers"], "Content-Length": size, **headers}
    reported["Accept"] = "application/json"  # who accepts streams is answered 200 with an error
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in reported.items())
    return f"POST /mcp HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode()


@pytest.mark.parametrize("dribbles", [False, True])
async def test_a_body_that_does_not_come_in_time_is_408(shared, dribbles):
    """Ten seconds for the whole body, however often a byte of it comes."""
    reader, writer = await opened(shared, head_of(1000), b"{")
    try:
        answer = asyncio.create_task(reader.read())
        began = time.monotonic()
        while not answer.done() and time.monotonic() - began < 30:
            if dribbles:
                writer.write(b" ")
            await asyncio.wait({answer}, timeout=0.5)
        reported = await answer
        assert reported.startswith(b"HTTP/1.1 408 ")
        assert b"did not arrive within 10 s" in reported
        assert b"connection: close" in reported.lower()
        assert time.monotonic() - began > 9
    finally:
        writer.close()


async def test_without_the_time_limit_a_body_is_awaited_for_ever(replica):
    """The control."""
    made = replica(without=["body-time"])
    reader, writer = await opened(made, head_of(1000), b"{")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(13):
            await reader.read(100)
    writer.close()


BEGINNING = (
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"'
)


async def flood(stack, made, count, **headers):
    """So many unfinished bodies of 4 MB; the first lines of the answers that some of them get."""
    body = BEGINNING + b"x" * 3_900_000
    lines = []

    async def one():
        reader, writer = await opened(made, head_of(4_000_000, **headers), body)
        stack.callback(writer.close)
        lines.append(await reader.readline())

    for _ in range(count):
        stack.push_async_callback(asyncio.wait, [asyncio.create_task(one())], timeout=0)
    for _ in range(300):
        if lines.count(b"HTTP/1.1 503 Service Unavailable\r\n") >= count - BUDGET // 3_900_000:
            break
        await asyncio.sleep(0.02)
    return lines


def memory(made):
    """Megabytes that it has in use."""
    statm = Path(f"/proc/{made.process.pid}/statm").read_text()
    return int(statm.split()[1]) * 4096 / 1e6


async def test_unfinished_bodies_hold_no_more_than_the_budget(replica, http):
    """The rest is asked to come again, small calls go on, and memory stays bounded."""
    made = replica()
    before = memory(made)
    async with AsyncExitStack() as stack:
        lines = await flood(stack, made, 40)
        assert 40 - len(lines) <= BUDGET // 3_900_000
        assert all(b" 503 " in line for line in lines)
        assert text(await http.post(made.url, **call("echo", text="small"))) == "small"
        assert memory(made) - before < 3 * BUDGET / 1e6


async def test_without_the_budget_all_of_them_are_held(replica):
    """The control."""
    made = replica(without=["body-budget"])
    before = memory(made)
    async with AsyncExitStack() as stack:
        await flood(stack, made, 40)
        assert memory(made) - before > 3 * BUDGET / 1e6


async def test_one_caller_cannot_take_the_whole_budget(replica, tmp_path, http):
    """Another caller's large call is served meanwhile."""
    other = CALLERS + f"\n- {{sha256: {hashlib.sha256(b'other').hexdigest()}, client: other}}"
    (tmp_path / "callers.yml").write_text(other)
    made = replica(AUTH_ENABLED="true", AUTH_TOKENS_FILE=tmp_path / "callers.yml")
    async with AsyncExitStack() as stack:
        await flood(stack, made, 12, Authorization="Bearer good")
        large = with_headers(call("echo", text="y" * 2_000_000), Authorization="Bearer other")
        assert (await http.post(made.url, **large)).status_code == 200


def test_the_budget_counts_what_is_given_back():
    """For all and for each caller; one body of the largest size always fits."""
    budget = Budget(1)
    budget.take(SHARE, "a")
    with pytest.raises(BudgetSpentError):
        budget.take(1, "a")
    budget.take(BUDGET - SHARE, "b")
    with pytest.raises(BudgetSpentError):
        budget.take(1, "")
    budget.give_back(SHARE, "a")
    budget.take(SHARE, "a")
    Budget(BUDGET * 2).take(BUDGET * 2, "a")


async def test_a_client_that_leaves_in_mid_body_is_no_error(replica, http):
    """Nobody is there to be answered, and the log has no traceback."""
    made = replica()
    _, writer = await opened(made, head_of(1000), b"{")
    await asyncio.sleep(0.1)
    writer.close()
    await made.logged(r" 0 POST /mcp")
    assert text(await http.post(made.url, **call("echo", text="on"))) == "on"
    assert "Traceback" not in made.log
