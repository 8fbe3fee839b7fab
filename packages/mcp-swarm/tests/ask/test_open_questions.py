"""Questions that nobody answers: they are limited, and what they leave free is the others'."""

from contextlib import AsyncExitStack, ExitStack, contextmanager

import pytest
from fastmcp.server.auth import AccessToken
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser

from lab.legacy import SETTINGS, Session, final, rest, serving, soon
from mcp_swarm.ask.answers import NotAnswered
from mcp_swarm.ask.open_questions import (
    BYTES_OF_CALLER,
    OF_ALL,
    OF_CALLER,
    OF_SESSION,
    OpenQuestions,
)

pytestmark = pytest.mark.processes

ASKING = ("lab.sample.asking",)


@pytest.fixture
def as_caller():
    """`with as_caller(name)`: what runs in it is called by a client of that name."""

    @contextmanager
    def acting(name):
        user = AuthenticatedUser(AccessToken(token="t", client_id=name, scopes=[]))
        before = auth_context_var.set(user)
        try:
            yield
        finally:
            auth_context_var.reset(before)

    return acting


@pytest.fixture(scope="module")
def replicas(tmp_path_factory):
    """Two replicas that share sessions."""
    with serving(tmp_path_factory.mktemp("questions"), packages=ASKING) as started:
        yield started


def asked(questions, session, size=0):
    """Opens one more question; it is open until the stack that is returned is closed."""
    stack = ExitStack()
    stack.enter_context(questions.one(session, size))
    return stack


def open_until_refused(questions, sessions, size=0):
    """How many are opened in `sessions`, in turn, before one is refused; they stay open."""
    for number in range(5000):
        try:
            _left_open.append(asked(questions, sessions[number % len(sessions)], size))
        except NotAnswered:
            return number
    raise AssertionError("none was refused")


_left_open = []


def test_a_session_has_a_limit_that_others_do_not_feel():
    questions = OpenQuestions()
    assert open_until_refused(questions, ["greedy"]) == OF_SESSION
    assert open_until_refused(questions, ["another"]) == OF_SESSION


def test_a_caller_has_one_over_all_its_sessions(as_caller):
    questions = OpenQuestions()
    with as_caller("greedy"):
        assert open_until_refused(questions, [f"g{n}" for n in range(100)]) == OF_CALLER
    with as_caller("another"):
        assert open_until_refused(questions, ["b"]) == OF_SESSION


def test_a_replica_has_one_over_all():
    """Without tokens nobody knows whose sessions they are."""
    assert open_until_refused(OpenQuestions(), [f"s{n}" for n in range(500)]) == OF_ALL


def test_large_calls_are_limited_by_their_bytes():
    size = 3 << 20
    assert open_until_refused(OpenQuestions(), ["one"], size) == BYTES_OF_CALLER // size


def test_an_answer_makes_room():
    questions = OpenQuestions()
    blocks = [asked(questions, "one") for _ in range(OF_SESSION)]
    blocks.pop().close()
    blocks.append(asked(questions, "one"))
    with pytest.raises(NotAnswered, match="wait for an answer already"):
        asked(questions, "one")


async def test_a_call_above_the_limit_is_told_and_the_open_ones_go_on(http, replicas):
    """Through the protocol, all at one replica."""
    session = await Session(http, replicas[:1]).open()
    async with AsyncExitStack() as streams:
        waiting = []
        for number in range(OF_SESSION):
            events = await streams.enter_async_context(session.streamed("pay", number=number))
            waiting.append((events, (await soon(events)).message))
        refused = await session.call("pay", number="one more")
        assert f"{OF_SESSION} questions of this session" in refused.text
        assert '"isError":true' in refused.text.replace(" ", "")

        events, question = waiting[0]
        content = {"action": "accept", "content": {"value": True}}
        assert (await session.answer(question, content)).status_code == 202
        assert final(await rest(events))["result"]["content"][0]["text"] == "paid 10"
        again = await streams.enter_async_context(session.streamed("pay", number="again"))
        assert (await soon(again)).message["method"] == "elicitation/create"


async def test_large_calls_that_wait_are_not_kept_in_redis(http, service, valkey):
    """Of one that must not run twice, another replica needs the id alone."""
    made = service(**{**SETTINGS, "packages": ASKING})
    session = await Session(http, [made]).open()
    async with session.streamed("order", what="w" * (2 << 20)) as events:
        await soon(events)
        with valkey.client() as client:
            kept = [client.hgetall(key) for key in client.scan_iter("*:call:*")]
    assert [len(call[b"message"]) < 200 for call in kept] == [True]
