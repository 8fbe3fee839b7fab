"""Plain requests of sessions take the fast path; all that a session is stays as it is without it.

That the answers are the same shows `test_sameness`.
"""

import asyncio
import secrets

import pytest

from lab.legacy import Session, final, rest, serving
from lab.mcp_wire import answer, events, text

pytestmark = pytest.mark.processes

TOOK_IT = "the fast path answered"
FORMS = {"json": "true", "streams": "false"}


@pytest.fixture(scope="module", params=FORMS)
def replicas(request, tmp_path_factory):
    """Two replicas that share sessions, answering in either form."""
    form = FORMS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    with serving(folder, MCP_JSON_RESPONSE=form, MCP_LOG_LEVEL="debug") as started:
        yield started


@pytest.fixture
async def session(http, replicas):
    """A session that is open, on both."""
    return await Session(http, replicas).open()


async def names(session, at=None):
    """The tools that the session may see."""
    return {t["name"] for t in answer(await session.ask("tools/list", at))["result"]["tools"]}


async def taken(session, at):
    """How many requests have taken it before this one, which does too."""
    said = f"the tool says {secrets.token_hex(8)}"
    await session.call("log", at, text=said.rpartition(" ")[2])
    at.wait_for_log(said)
    return at.log.partition(said)[0].count(TOOK_IT)


async def test_plain_requests_take_it_and_others_do_not(session, replicas):
    """Calls and lists do; what is the session's own, or nobody's, does not."""
    one = replicas[0]
    before = await taken(session, one)
    assert text(await session.call("echo", one, text="a")) == "a"
    assert "echo" in await names(session, one)
    assert await taken(session, one) == before + 3
    await session.ask("logging/setLevel", one, level="error")
    await session.ask("ping", one)
    await session.call("no such tool", one)
    assert await taken(session, one) == before + 4


async def test_what_is_hidden_from_a_session_is_hidden_on_every_replica(session, http, replicas):
    """From that session only, and at once."""
    other = await Session(http, replicas).open()
    assert text(await session.call("hide", name="echo")) == "hidden"
    for made in replicas:
        assert "Unknown tool" in text(await session.call("echo", made, text="a"))
        assert "echo" not in await names(session, made)
        assert text(await other.call("echo", made, text="a")) == "a"
        assert "echo" in await names(other, made)


async def test_a_request_of_another_version_is_the_frameworks(http, replicas):
    """What was negotiated counts, not what a header says."""
    session = await Session(http, replicas).open("2025-06-18")
    one = replicas[0]
    before = await taken(session, one)
    session.headers["MCP-Protocol-Version"] = "2025-11-25"
    assert text(await session.call("echo", one, text="a")) == "a"
    session.headers["MCP-Protocol-Version"] = "2025-06-18"
    assert await taken(session, one) == before + 1
    assert text(await session.call("echo", one, text="a")) == "a"
    assert await taken(session, one) == before + 3


async def test_a_cancellation_reaches_a_call_wherever_it_runs(session, replicas):
    """It is not answered: 202 before a stream has begun, else the stream just ends."""
    one, two = replicas
    running = asyncio.create_task(session.call("sleep", one, number=7, seconds=61))
    await one.logged("the sleep begins: 61 s")
    await session.note("notifications/cancelled", two, requestId=7)
    response = await running
    streams = response.headers.get("content-type") == "text/event-stream"
    assert response.status_code == (200 if streams else 202)
    assert not list(events(response.text))
    one.wait_for_log("the sleep was cancelled")


async def test_a_deleted_session_ends_its_calls(session, replicas):
    """Whoever is told of the end."""
    one, two = replicas
    running = asyncio.create_task(session.call("sleep", one, seconds=62))
    await one.logged("the sleep begins: 62 s")
    assert (await session.delete(two)).status_code == 200
    assert answer(await running)["error"]["code"] == -32800
    assert (await session.call("echo", one, text="a")).status_code == 404


async def test_a_lone_surrogate_in_a_result_is_replaced(session):
    """UTF-8 cannot hold it; the rest of the result arrives."""
    response = await session.call("half")
    assert answer(response)["result"]["content"][0]["text"] == "\ufffd"


async def test_what_a_tool_says_comes_before_its_answer(http, tmp_path_factory):
    """On the fast path too, where answers may be streams."""
    with serving(tmp_path_factory.mktemp("said"), MCP_LOG_LEVEL="debug") as replicas:
        session = await Session(http, replicas).open()
        async with session.streamed("count", replicas[0], to=3) as stream:
            events = await rest(stream)
        assert final(events)["result"]["isError"] is False
        assert len(events) > 3
        replicas[0].wait_for_log(TOOK_IT)
