"""`subscriptions/listen`: who hears what, how much of it, and how it is kept alive and ended."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from mcp_types import SubscriptionFilter

from lab.listen import callers, in_time, listen, opened, refusal, touch
from lab.mcp_wire import answer, call, with_headers
from mcp_swarm.events import PromptsListChanged, ResourceUpdated, ToolsListChanged
from mcp_swarm.events.listen import SECONDS_KNOWN
from mcp_swarm.events.stream import Stream

PACKAGES = ("lab.sample.tools", "lab.sample.resources", "lab.sample.secret")
GREETING, SECRET, PART = "sample://greeting", "secret://plan", "secret://plan/one"


async def test_a_caller_hears_what_it_may_read(replica, http, tmp_path):
    """The acknowledgement says which; unknown ones and forbidden ones are left out alike."""
    made = replica(packages=PACKAGES, **callers(tmp_path))
    uris = (GREETING, "sample://square/3", SECRET, PART, "sample://nope")
    async with (
        opened(http, made, listen(*uris, who="a")) as (heard_by_a, of_a),
        opened(http, made, listen(*uris, who="b", toolsListChanged=True)) as (heard_by_b, of_b),
    ):
        assert heard_by_a == {"resourceSubscriptions": [*uris[:4]]}
        assert heard_by_b == {"toolsListChanged": True, "resourceSubscriptions": [*uris[:2]]}
        for uri in (SECRET, "sample://nope", "sample://square/3"):
            await touch(http, made, uri)
        assert [(await anext(of_a))["params"]["uri"] for _ in range(2)] == [SECRET, uris[1]]
        assert (await anext(of_b))["params"]["uri"] == uris[1]


async def test_what_is_taken_away_is_heard_no_more(replica, http, tmp_path):
    """The right is looked up again for each event: this one was there when the stream began."""
    made = replica(packages=PACKAGES, **callers(tmp_path))
    close = with_headers(call("close_plans"), Authorization="Bearer token-a")
    async with opened(http, made, listen(SECRET, GREETING, who="a")) as (_, messages):
        await touch(http, made, SECRET)
        assert (await anext(messages))["params"]["uri"] == SECRET
        assert answer(await http.post(made.url, **close))["result"]["isError"] is False
        await asyncio.sleep(SECONDS_KNOWN + 0.1)
        await touch(http, made, SECRET)
        await touch(http, made, GREETING)
        assert (await anext(messages))["params"]["uri"] == GREETING


async def test_only_what_was_asked_for_is_sent(replica, http):
    """A client that asked for nothing is told so, and hears nothing."""
    made = replica()
    async with opened(http, made, listen()) as (heard, messages):
        assert heard == {}
        await touch(http, made, GREETING)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(messages), 0.5)


async def test_a_replica_holds_so_many_streams_and_no_more(replica, http):
    """The next one is told to try again, and finds a place once somebody leaves."""
    made = replica(MCP_LISTEN_LIMIT="2")
    async with opened(http, made, listen(GREETING)):
        async with opened(http, made, listen(GREETING)):
            error = await refusal(http, made, listen(GREETING))
            assert error["code"] == -31003
            assert "this replica has 2 open" in error["message"]
            assert error["data"] == {"retryable": True}
        await asyncio.to_thread(made.wait_for_log, "POST /mcp subscriptions/listen")
        for _ in range(300):
            try:
                async with opened(http, made, listen(GREETING)):
                    return
            except (AssertionError, RuntimeError):  # no first message: refused
                await asyncio.sleep(0.1)
        raise AssertionError("no place became free")


async def test_a_caller_has_so_many_streams_and_leaves_room_for_others(replica, http, tmp_path):
    """Counted by caller, not by token or connection."""
    made = replica(MCP_LISTEN_LIMIT_PER_CLIENT="2", **callers(tmp_path))
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(opened(http, made, listen(GREETING, who="a")))
        error = await refusal(http, made, listen(GREETING, who="a"))
        assert error["code"] == -31003
        assert "you have 2 open" in error["message"]
        await stack.enter_async_context(opened(http, made, listen(GREETING, who="b")))


@pytest.mark.parametrize("uris", [[f"x://{n}" for n in range(1001)], ["x://" + "y" * 2045]])
async def test_a_list_that_is_too_long_is_refused(shared, http, uris):
    """By number or by length; the limits are named."""
    error = await refusal(http, shared, listen(*uris))
    assert error["code"] == -32602
    assert "at most 1000 URIs of at most 2048 characters" in error["message"]


async def test_a_backlog_holds_each_event_once():
    """A client that does not read is told what changed, not how often: no backlog grows."""
    waiting = Stream(SubscriptionFilter(tools_list_changed=True, resource_subscriptions=[GREETING]))
    for _ in range(3):
        for event in (ResourceUpdated(uri=GREETING), ToolsListChanged(), PromptsListChanged()):
            waiting.notify(event)
    waiting.close()
    reported = [event async for event in waiting.events()]
    assert reported == [ResourceUpdated(uri=GREETING), ToolsListChanged()]


@pytest.mark.timeout(120)
async def test_a_stream_ends_when_its_token_does(replica, http, tmp_path):
    """With its final frame, so that the client listens anew and shows what it has by then."""

    def opened_until(end):
        made = replica(**callers(tmp_path, expires_at=end.isoformat()))
        return opened(http, made, listen(GREETING, who="b"))

    async with AsyncExitStack() as stack:
        end, (_, messages) = await in_time(stack, opened_until)
        final = await asyncio.wait_for(anext(messages), 60)
        assert datetime.now(UTC) >= end - timedelta(seconds=1)
    assert final["id"] == 1
    assert final["result"]["resultType"] == "complete"


async def test_a_quiet_stream_is_kept_alive(replica, http):
    """A comment every 15 s, which no balancer's idle limit outlasts; clients ignore it."""
    made = replica()
    async with http.stream("POST", made.url, **listen(GREETING)) as response:
        lines = response.aiter_lines()
        async with asyncio.timeout(40):
            while not (await anext(lines)).startswith(":"):
                pass
        await touch(http, made, GREETING)
        async with asyncio.timeout(20):
            while "notifications/resources/updated" not in await anext(lines):
                pass
