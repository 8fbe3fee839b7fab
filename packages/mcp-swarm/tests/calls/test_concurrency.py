"""`MCP_CALL_CONCURRENCY`: so many calls at once, the others in a line."""

import asyncio

import httpx2
import pytest

from lab.legacy import SETTINGS, Session, soon
from lab.mcp_wire import ERAS, answer, call, request, stream, text

TOO_BUSY = -31010
PACKAGES = ("lab.sample.crowd", "lab.sample.tools", "lab.sample.resources")


async def most(http, made, era, calls=8, seconds=0.2):
    """The most calls that were inside at a time, of so many at once."""
    asked = call("crowd", era, seconds=seconds)
    answers = await asyncio.gather(*(http.post(made.url, **asked) for _ in range(calls)))
    return max(int(text(each)) for each in answers)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("json", ["true", "false", "auto"])
async def test_no_more_run_at_once_and_all_are_answered(replica, http, era, json):
    """Two places, eight callers."""
    made = replica(packages=PACKAGES, MCP_CALL_CONCURRENCY=2, MCP_JSON_RESPONSE=json)
    assert await most(http, made, era) <= 2


async def test_without_it_all_run_at_once(replica, http):
    """The control, and the default."""
    unprotected = replica(packages=PACKAGES, MCP_CALL_CONCURRENCY=2, without=["concurrency-limit"])
    assert await most(http, unprotected, "modern", seconds=1) > 2
    assert await most(http, replica(packages=PACKAGES), "modern", seconds=1) > 2


async def test_who_waits_too_long_is_told_to_come_again(replica, http):
    """The place is held by a call that waits for longer than others have patience."""
    made = replica(packages=PACKAGES, MCP_CALL_CONCURRENCY=1, MCP_CALL_TIMEOUT=2.0)
    asked = call("sleep", seconds=1.4)
    answers = await asyncio.gather(*(http.post(made.url, **asked) for _ in range(5)))
    errors = [found["error"] for found in map(answer, answers) if "error" in found]
    assert errors
    assert {error["code"] for error in errors} == {TOO_BUSY}
    assert errors[0]["data"] == {"retryable": True, "retryAfter": 1}
    assert "MCP_CALL_CONCURRENCY" in errors[0]["message"]
    assert text(await http.post(made.url, **call("add", a=1, b=2))) == "3"


async def test_what_runs_nothing_needs_no_place(replica, http):
    """Health, lists and streams are served while all places are taken."""
    made = replica(packages=PACKAGES, MCP_CALL_CONCURRENCY=1, MCP_JSON_RESPONSE="auto")
    long = asyncio.create_task(http.post(made.url, **call("sleep", seconds=30)))
    await made.logged("the sleep begins")
    for path in ("readyz", "healthz", "version"):
        assert (await http.get(f"{made.base}/{path}")).status_code == 200
    assert "result" in answer(await http.post(made.url, **request("tools/list")))
    listen = request("subscriptions/listen", notifications={"toolsListChanged": True})
    async with http.stream("POST", made.url, **listen) as response:
        acknowledged = await anext(stream(response))
        assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
    assert not long.done()
    long.cancel()


async def test_resources_and_prompts_wait_too(replica, http):
    """All that runs a component has a place of its own."""
    made = replica(packages=PACKAGES, MCP_CALL_CONCURRENCY=1)
    long = asyncio.create_task(http.post(made.url, **call("sleep", seconds=30)))
    await made.logged("the sleep begins")
    asked = request("resources/read", uri="sample://greeting")
    read = asyncio.create_task(http.post(made.url, **asked))
    assert await asyncio.wait([read], timeout=1) == (set(), {read})
    long.cancel()  # which cancels the call, so that its place is free
    assert "result" in answer(await read)


async def test_a_tool_that_calls_a_tool_needs_one_place(replica, http):
    """It would wait for itself."""
    made = replica(packages=PACKAGES, MCP_CALL_CONCURRENCY=1, MCP_CALL_TIMEOUT=5)
    assert text(await http.post(made.url, **call("nest"))) == "done"


async def test_who_leaves_the_line_leaves_no_gap(replica, http):
    """Ten callers go away while they wait; the next is served as if they had never come.

    Of streams: who waits for JSON alone is not seen to go.
    """
    made = replica(packages=PACKAGES, MCP_CALL_CONCURRENCY=1, MCP_JSON_RESPONSE="false")
    long = asyncio.create_task(http.post(made.url, **call("sleep", seconds=1.5)))
    await made.logged("the sleep begins")
    async with httpx2.AsyncClient(timeout=20, trust_env=False) as others:
        leaving = [
            asyncio.create_task(others.post(made.url, **call("sleep", seconds=60)))
            for _ in range(10)
        ]
        await asyncio.sleep(0.3)
        for each in leaving:
            each.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
    assert text(await http.post(made.url, **call("add", a=1, b=2))) == "3"
    assert text(await long) == "slept 1.5 s"


async def test_a_call_that_asks_someone_gives_its_place(service, http):
    """A session's tool waits for an answer; meanwhile others are served, one at a time."""
    made = service(MCP_CALL_CONCURRENCY=1, **SETTINGS)
    session = await Session(http, [made]).open()
    async with session.streamed("question", text="Which size?") as events:
        question = (await soon(events)).message
        assert text(await session.call("add", number=2, a=1, b=2)) == "3"
        await session.answer(question, {"action": "accept", "content": {"size": 4}})
        assert "accept" in str((await soon(events)).message)
    assert text(await session.call("add", number=3, a=3, b=4)) == "7"
