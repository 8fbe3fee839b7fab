"""A replica dies, or Redis does: what becomes of sessions, and of calls in mid-flight.

For each protection there is a run without it, which fails.
"""

import asyncio
import signal
import time
from pathlib import Path

import httpx2
import pytest

from lab.legacy import SETTINGS, Session, final, progress, rest, soon, until
from lab.mcp_wire import text


@pytest.fixture
async def session(http, service):
    """A session and its two replicas, which the test may kill."""
    return await Session(http, [service(**SETTINGS) for _ in range(2)]).open()


def runs(path: Path) -> int:
    """How often the tool ran."""
    return len(path.read_text().split())


async def killed_in_mid_call(session, tool, path):
    """The events that arrived before SIGKILL hit the replica that ran the call.

    It is stuck there, so that it cannot be done before.
    """
    one, _ = session.replicas
    seen = []
    async with session.streamed(tool, one, path=str(path), steps=6, stuck_after=2) as stream:
        try:
            while len(progress(seen)) < 2:
                seen.append(await anext(stream))
            one.kill(signal.SIGKILL)
            seen += await rest(stream)
        except httpx2.TransportError:
            pass
    one.wait()
    return seen


async def test_a_session_survives_the_replica_that_made_it(session):
    """State, stream and all."""
    one, two = session.replicas
    await session.call("note_fact", one, fact="blue")
    async with session.listen(one) as stream:
        opened = await anext(stream)
        one.kill(signal.SIGKILL)
        one.wait()
        with pytest.raises(httpx2.TransportError):
            await rest(stream)
    assert text(await session.call("noted_fact", two)) == "blue"
    async with session.listen(two, after=opened.id) as stream:
        seen = await rest(stream)  # it ends in order, and is resumed again
    assert [event.message for event in seen] == [None]  # nothing was missed
    async with session.listen(two, after=opened.id) as stream:
        await session.call("announce", two, times=1)
        assert (await soon(stream)).message["params"]["uri"] == "test://0"


async def test_a_writing_call_on_a_lost_replica_is_answered_with_an_error(session, tmp_path):
    """Within seconds of the resumption, and it is not run again."""
    mark = tmp_path / "runs"
    seen = await killed_in_mid_call(session, "slow_write", mark)
    async with session.listen(session.replicas[1], after=seen[-1].id) as stream:
        more = await rest(stream)
    assert final(more)["error"]["code"] == -31007
    assert final(more)["error"]["data"] == {"retryable": False, "outcome": "unknown"}
    assert final(more)["id"] == 1
    assert runs(mark) == 1


async def test_a_reading_call_on_a_lost_replica_is_run_again(session, tmp_path):
    """Its tool says that it only reads: the client has its answer, in the stream it resumed."""
    mark = tmp_path / "runs"
    seen = await killed_in_mid_call(session, "slow_read", mark)
    async with session.listen(session.replicas[1], after=seen[-1].id) as stream:
        more = await rest(stream)
    assert "done by" in final(more)["result"]["content"][0]["text"]
    assert progress(more) == [0, 1, 2, 3, 4, 5]
    assert runs(mark) == 2
    ids = [event.id for event in [*seen, *more] if event.message]
    assert len(set(ids)) == len(ids)


async def resumed_at_once(service, http, tmp_path, **options):
    """How often a call of a lost replica runs again when two others are asked for it at once.

    A client of 2025-11-25 would be asked to come again: one of the two looks like a cut stream.
    """
    replicas = [service(**SETTINGS, **options) for _ in range(3)]
    session = await Session(http, replicas[:2]).open("2025-06-18")
    mark = tmp_path / "runs"
    seen = await killed_in_mid_call(session, "slow_read", mark)

    async def resumed(made):
        async with session.listen(made, after=seen[-1].id) as stream:
            return await rest(stream)

    found = await asyncio.gather(*(resumed(made) for made in replicas[1:]))
    await asyncio.sleep(3)
    return runs(mark) - 1, found


async def test_one_replica_takes_a_lost_call_over(service, http, tmp_path):
    """Two clients' attempts to resume it end in one run, and one complete stream."""
    again, found = await resumed_at_once(service, http, tmp_path)
    assert again == 1
    messages = [event.message for events in found for event in events if event.message]
    assert {message["id"] for message in messages if "result" in message} == {1}


async def test_without_that_it_would_be_run_while_it_runs(service, http, tmp_path):
    """The control: a call that is alive elsewhere is taken over as soon as it is resumed."""
    one, two = [service(**SETTINGS, without=["one-takeover", "takeover-delay"]) for _ in range(2)]
    session = await Session(http, [one, two]).open()
    mark = tmp_path / "runs"
    made = {"path": str(mark), "steps": 20, "stuck_after": 2}
    async with session.streamed("slow_read", one, **made) as stream:
        first = await anext(stream)
        async with session.listen(two, after=first.id) as resumed:
            await soon(resumed)
            assert await until(lambda: runs(mark) > 1)


async def test_what_was_sent_but_never_kept_is_not_sent_twice(service, http, tmp_path):
    """SIGKILL between the sending and the keeping: the client has events that Redis has not."""
    replicas = [service(**SETTINGS, without=["saved-messages"]), service(**SETTINGS)]
    session = await Session(http, replicas).open()
    mark = tmp_path / "runs"
    seen = await killed_in_mid_call(session, "slow_read", mark)
    assert progress(seen)
    async with session.listen(replicas[1], after=seen[-1].id) as stream:
        more = await rest(stream)
    assert final(more)["result"]
    ids = [event.id for event in [*seen, *more] if event.message]
    assert len(set(ids)) == len(ids)


async def test_without_keeping_a_cut_stream_has_lost_its_events(service, http):
    """The control: the replica lives on, but what it said cannot be had elsewhere."""
    one, two = service(**SETTINGS, without=["saved-messages"]), service(**SETTINGS)
    session = await Session(http, [one, two]).open()
    async with session.streamed("count", one, to=4, pause=0.2) as stream:
        first = await anext(stream)
    async with session.listen(two, after=first.id) as stream:
        with pytest.raises(TimeoutError):
            await soon(stream, seconds=4)


async def test_a_stream_whose_replica_died_may_be_opened_again(session):
    """No 409: before one is refused, the replica that has the stream gives a sign of life."""
    one, two = session.replicas
    async with session.listen(one) as stream:
        await anext(stream)
        one.kill(signal.SIGKILL)
        one.wait()
        async with asyncio.timeout(60), session.get(two) as response:
            assert response.status_code == 200
        with pytest.raises(httpx2.TransportError):
            await rest(stream)


async def test_an_answer_to_a_question_of_a_lost_replica_is_taken_and_dropped(session):
    """Nobody waits for it; the client is not told off for that."""
    one, two = session.replicas
    with pytest.raises(httpx2.TransportError):
        async with session.streamed("question", one, text="Size?") as stream:
            asked = await soon(stream)
            one.kill(signal.SIGKILL)
            await rest(stream)
    answered = await session.answer(asked.message, {"action": "decline"}, two)
    assert answered.status_code == 202


async def retryable(session):
    """What a call is answered with while Redis is away, and after how many seconds."""
    began = time.monotonic()
    response = await session.call("echo", text="x")
    assert response.status_code == 200  # a client of the Python SDK 1.x ends at any other
    error = response.json()["error"]
    assert error["code"] == -31002
    executed = error["data"].pop("executed")
    assert executed in {"no", "unknown"}
    assert error["data"] == {"retryable": True, "retryAfterSeconds": 1}
    return time.monotonic() - began


async def is_ready(http, made):
    return (await http.get(f"{made.base}/readyz")).status_code == 200


async def until_ready(http, replicas):
    async with asyncio.timeout(60):
        while not all([await is_ready(http, made) for made in replicas]):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_while_redis_hangs_sessions_are_refused_at_once_and_come_back(http, session, valkey):
    """No call waits for it; nothing is restarted; nothing that Redis kept is lost."""
    await session.call("note_fact", fact="blue")
    valkey.pause()
    try:
        await retryable(session)
        assert min([await retryable(session) for _ in range(10)]) < 1.5  # it is waited for 2 s
        for made in session.replicas:
            waiting = await http.get(f"{made.base}/readyz")
            assert waiting.status_code == 503
            body = waiting.json()
            assert (body["status"], body["missing"]) == ("waiting", ["sessions"])
            assert (await http.get(f"{made.base}/healthz")).status_code == 200
        async with session.get() as response:
            assert response.status_code == 503
        assert (await session.delete()).status_code == 503
        assert (await Session(http, session.replicas).ask("ping")).status_code in {200, 400}
    finally:
        valkey.resume()
    await until_ready(http, session.replicas)
    assert text(await session.call("noted_fact")) == "blue"


async def test_without_a_limit_a_call_would_wait_as_long_as_redis_hangs(http, service, valkey):
    """The control: nobody is told anything."""
    made = service(**SETTINGS, without=["redis-timeout"])
    session = await Session(http, [made]).open()
    valkey.pause()
    try:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.call("echo", text="x"), 6)
    finally:
        valkey.resume()
    await until_ready(http, [made])
    assert text(await session.call("echo", text="x")) == "x"


async def test_a_redis_that_dies_and_comes_back_has_kept_the_sessions(http, session, valkey):
    """With an append-only file, as in stack.yml."""
    await session.call("note_fact", fact="blue")
    valkey.kill()
    for _ in session.replicas:
        await retryable(session)
    valkey.start()
    await until_ready(http, session.replicas)
    assert text(await session.call("noted_fact")) == "blue"
    async with session.listen() as stream:
        await session.call("announce", times=1)
        assert (await soon(stream)).message["params"]["uri"] == "test://0"


async def test_a_call_and_a_stream_outlive_an_outage_of_redis(http, session, valkey):
    """The call's own connection is whole; what it said meanwhile is kept once Redis is back."""
    one, two = session.replicas
    async with (
        session.listen(two) as listening,
        session.streamed("count", one, to=12, pause=0.5) as run,
    ):
        first = await anext(run)
        seen = [await anext(run) for _ in range(2)]
        valkey.pause()
        try:
            seen += [await anext(run) for _ in range(8)]
        finally:
            valkey.resume()
        seen += await rest(run)
        assert progress(seen) == list(range(1, 13))
        await until_ready(http, session.replicas)
        await session.call("announce", times=1)
        assert (await soon(listening)).message["params"]["uri"] == "test://0"
    async with session.listen(two, after=first.id) as again:
        more = await rest(again)
    assert progress(more) == list(range(1, 13))
    assert final(more)["result"]


async def test_a_replica_without_sessions_is_ready_without_redis(http, service, valkey):
    """Nothing that it serves at once needs it: /readyz asks for what the mode needs."""
    made = service()
    valkey.pause()
    try:
        assert await is_ready(http, made)
    finally:
        valkey.resume()
