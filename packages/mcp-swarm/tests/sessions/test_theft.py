"""A session belongs to the credential that opened it: client and subject, not the token."""

import hashlib

import pytest

from lab.legacy import SETTINGS, Session
from lab.mcp_wire import text


def caller(token, client, subject):
    digest = hashlib.sha256(token.encode()).hexdigest()
    return f"- {{sha256: {digest}, client: {client}, subject: {subject}}}"


CALLERS = "\n".join(
    [
        caller("token-a", "a", "one"),
        caller("token-a-new", "a", "one"),
        caller("token-a-two", "a", "two"),
        caller("token-b", "b", "one"),
    ]
)


@pytest.fixture
def replicas(service, tmp_path):
    """Two replicas that know four tokens of three callers."""
    (tmp_path / "callers.yml").write_text(CALLERS)
    auth = {"AUTH_ENABLED": "true", "AUTH_TOKENS_FILE": tmp_path / "callers.yml"}
    return lambda **options: [service(**SETTINGS, **auth, **options) for _ in range(2)]


async def opened(http, replicas):
    """A session of caller a."""
    return await Session(http, replicas, {"Authorization": "Bearer token-a"}).open()


def with_token(session, token):
    """The same session, by another who knows its id."""
    return Session(
        session.http, session.replicas, {**session.headers, "Authorization": f"Bearer {token}"}
    )


@pytest.mark.parametrize("token", ["token-b", "token-a-two"])
async def test_another_credential_does_not_find_the_session(http, replicas, token):
    """404 as for one that never was, on every replica and by every method."""
    session = await opened(http, replicas())
    thief = with_token(session, token)
    for made in session.replicas:
        stolen = await thief.call("echo", made, text="x")
        assert stolen.status_code == 404
        assert stolen.json()["error"]["message"] == "Session not found"
        async with thief.get(made) as response:
            assert response.status_code == 404
        assert (await thief.delete(made)).status_code == 404
        assert (await thief.answer({"id": "1"}, {}, made)).status_code == 404
        assert (await thief.note("notifications/cancelled", made, requestId=1)).status_code == 404
    assert text(await session.call("echo", text="mine")) == "mine"


async def test_a_new_token_of_the_same_caller_keeps_the_session(http, replicas):
    """Tokens rotate while sessions last."""
    session = await opened(http, replicas())
    rotated = with_token(session, "token-a-new")
    assert text(await rotated.call("echo", text="still mine")) == "still mine"


async def test_without_a_token_nobody_gets_that_far(http, replicas):
    """401 before the session is looked up."""
    session = await opened(http, replicas())
    del session.headers["Authorization"]
    assert (await session.call("echo", text="x")).status_code == 401


async def test_without_the_check_the_id_alone_would_do(http, replicas):
    """The control."""
    session = await opened(http, replicas(without=["owner-check"]))
    thief = with_token(session, "token-b")
    assert text(await thief.call("echo", text="stolen")) == "stolen"
