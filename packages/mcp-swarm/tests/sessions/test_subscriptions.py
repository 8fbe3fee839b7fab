"""Clients with sessions hear of changes on their GET stream: from any replica, each once."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from lab.legacy import PACKAGES, SETTINGS, Session, rest, serving, soon
from lab.listen import callers, in_time
from lab.mcp_wire import answer, request, stream, text

pytestmark = pytest.mark.processes

SECRET = "secret://plan"
URI, OTHER = "sample://greeting", "sample://other"
UPDATED = "notifications/resources/updated"


@pytest.fixture(scope="module")
def replicas(tmp_path_factory):
    """Three replicas that share sessions."""
    with serving(tmp_path_factory.mktemp("subscriptions"), 3) as started:
        yield started


@pytest.fixture
async def session(http, replicas):
    """A session that is open, on all."""
    return await Session(http, replicas).open()


async def heard(stream, number, silence=0.7):
    """Methods and URIs of the next `number` messages, and of any that come after them."""
    found = []
    try:
        while True:
            wait = {} if len(found) < number else {"seconds": silence}
            message = (await soon(stream, **wait)).message
            found.append((message["method"], message.get("params", {}).get("uri")))
    except TimeoutError:
        return found


async def test_a_change_at_any_replica_is_heard_once(session, replicas):
    """Subscribed at one, heard at another, published at each of three."""
    subscribed = await session.ask("resources/subscribe", replicas[0], uri=URI)
    assert answer(subscribed)["result"] == {}
    async with session.listen(replicas[1]) as listening:
        for made in replicas:
            assert text(await session.call("touch", made, uri=URI)) == "told"
        assert await heard(listening, 3) == [(UPDATED, URI)] * 3


async def test_only_who_subscribed_hears_and_only_of_that(session, http, replicas):
    """Another session, and another resource, are left alone."""
    other = await Session(http, replicas).open()
    await session.ask("resources/subscribe", uri=URI)
    async with session.listen() as listening, other.listen() as elsewhere:
        await session.call("touch", uri="sample://unheard")
        await session.call("touch", uri=URI)
        assert await heard(listening, 1) == [(UPDATED, URI)]
        assert await heard(elsewhere, 0) == []


async def test_who_unsubscribes_hears_no_more(session, replicas):
    """At another replica than it subscribed."""
    await session.ask("resources/subscribe", replicas[0], uri=URI)
    await session.ask("resources/subscribe", replicas[0], uri=URI)
    unsubscribed = await session.ask("resources/unsubscribe", replicas[1], uri=URI)
    assert answer(unsubscribed)["result"] == {}
    async with session.listen(replicas[2]) as listening:
        await session.call("touch", uri=URI)
        assert await heard(listening, 0) == []


async def test_a_change_between_two_streams_is_heard_on_the_second(session, replicas):
    """Nothing is lost while the client comes back."""
    await session.ask("resources/subscribe", uri=URI)
    async with session.noticed(replicas[0]) as listening:
        opened = await anext(listening)
    await session.call("touch", replicas[1], uri=URI)
    async with session.listen(replicas[2], after=opened.id) as listening:
        assert await heard(listening, 1) == [(UPDATED, URI)]


async def test_an_unknown_resource_cannot_be_subscribed_to(session):
    """-32002, as 2025-11-25 names it."""
    response = await session.ask("resources/subscribe", uri="sample://nowhere")
    assert answer(response)["error"]["code"] == -32002


async def test_lists_that_change_are_told_to_all_that_listen(session, http, replicas):
    """Each once, whichever replica says so."""
    other = await Session(http, replicas).open()
    async with session.listen(replicas[0]) as one, other.listen(replicas[1]) as two:
        await session.call("relist", replicas[2])
        for listening in (one, two):
            assert await heard(listening, 1) == [("notifications/tools/list_changed", None)]


async def test_both_eras_hear_the_same_change(session, http, replicas):
    """One `publish`, and a client of 2026-07-28 beside the session."""
    await session.ask("resources/subscribe", uri=URI)
    asked = request("subscriptions/listen", notifications={"resourceSubscriptions": [URI]})
    async with session.listen(replicas[0]) as older:
        async with http.stream("POST", replicas[1].url, **asked) as response:
            newer = stream(response)
            await anext(newer)
            await session.call("touch", replicas[2], uri=URI)
            async with asyncio.timeout(30):
                assert (await anext(newer))["method"] == UPDATED
        assert await heard(older, 1) == [(UPDATED, URI)]


async def test_after_an_outage_of_redis_everything_counts_as_changed(
    http, service, valkey, tmp_path
):
    """What was published meanwhile could be kept nowhere: the client is told to fetch anew."""
    replicas = [service(**SETTINGS) for _ in range(2)]
    session = await Session(http, replicas).open()
    gate = tmp_path / "gate"
    await session.ask("resources/subscribe", uri=URI)
    async with (
        session.listen(replicas[1]) as listening,
        session.streamed("touch_later", replicas[0], uri=URI, gate=str(gate)) as call,
    ):
        await anext(call)
        valkey.pause()
        try:
            gate.touch()
            await soon(call)
        finally:
            valkey.resume()
        expected = {(UPDATED, URI), ("notifications/tools/list_changed", None)}
        while expected:
            message = (await soon(listening)).message
            expected.discard((message["method"], message.get("params", {}).get("uri")))


async def test_sessions_in_memory_hear_what_their_process_publishes(http, replica):
    """`memory://`: the same, for one replica."""
    made = replica(**SETTINGS)
    session = await Session(http, [made]).open()
    other = await Session(http, [made]).open()
    await session.ask("resources/subscribe", uri=URI)
    async with session.listen() as listening, other.listen() as elsewhere:
        await session.call("touch", uri=URI)
        await session.ask("resources/unsubscribe", uri=URI)
        await session.call("touch", uri=URI)
        await session.call("relist")
        relisted = ("notifications/tools/list_changed", None)
        assert await heard(listening, 2) == [(UPDATED, URI), relisted]
        assert await heard(elsewhere, 1) == [relisted]
    await session.delete()
    await other.call("touch", uri=URI)
    assert "Traceback" not in made.log


@pytest.mark.parametrize("shared", [True, False], ids=["redis", "memory"])
async def test_what_is_taken_away_is_told_no_more(http, service, replica, tmp_path, shared):
    """The right is looked up again for each change: this one was there when the client subscribed."""
    options = {**SETTINGS, **callers(tmp_path), "packages": (*PACKAGES, "lab.sample.secret")}
    made = (service if shared else replica)(**options)
    session = await Session(http, [made], {"Authorization": "Bearer token-a"}).open()
    other = await Session(http, [made], {"Authorization": "Bearer token-b"}).open()
    for uri in (SECRET, URI):
        assert "result" in answer(await session.ask("resources/subscribe", uri=uri))
    assert answer(await other.ask("resources/subscribe", uri=SECRET))["error"]["code"] == -32002
    async with session.listen() as listening:
        await other.call("touch", uri=SECRET)  # whoever publishes: the subscriber's right counts
        assert (await soon(listening)).message["params"]["uri"] == SECRET
        assert text(await session.call("close_plans")) == "hidden"
        await other.call("touch", uri=SECRET)
        await other.call("touch", uri=URI)
        assert await heard(listening, 1) == [(UPDATED, URI)]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("shared", [True, False], ids=["redis", "memory"])
async def test_a_stream_ends_with_the_token_that_opened_it(
    http, service, replica, tmp_path, shared
):
    """The client opens it again with a token that is good, if it has one."""
    start = service if shared else replica
    began: dict[str, Session] = {}

    @asynccontextmanager
    async def listening(end):
        made = start(**{**SETTINGS, **callers(tmp_path, expires_at=end.isoformat())})
        session = await Session(http, [made], {"Authorization": "Bearer token-a"}).open()
        async with session.listen() as stream:
            began["session"] = session
            yield stream

    async with AsyncExitStack() as stack:
        end, stream = await in_time(stack, listening)
        assert {event.message for event in await rest(stream, 60)} <= {None}
        assert datetime.now(UTC) >= end - timedelta(seconds=1)
    async with began["session"].get() as response:
        assert response.status_code == 401


async def test_without_fan_out_nobody_with_a_session_hears(http, service):
    """The control: the bus alone reaches clients of 2026-07-28 only."""
    replicas = [service(**SETTINGS, without=["session-notices"]) for _ in range(2)]
    session = await Session(http, replicas).open()
    await session.ask("resources/subscribe", uri=URI)
    async with session.listen() as listening:
        await session.call("touch", uri=URI)
        assert await heard(listening, 0, silence=2) == []
