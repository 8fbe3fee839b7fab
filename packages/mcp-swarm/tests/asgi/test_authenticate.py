"""A caller without a good token learns what is wrong and what to do, before its body is read."""

import asyncio
import json

import pytest

from lab import replica as replicas
from lab.callers import CALLERS
from lab.legacy import SETTINGS
from lab.mcp_wire import ERAS, call, with_headers

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A replica that knows a good, an expired and an early token."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "callers.yml").write_text(CALLERS)
    made = replicas.start(
        folder,
        AUTH_ENABLED="true",
        AUTH_TOKENS_FILE=folder / "callers.yml",
    )
    try:
        made.wait_until_ready()
        yield made
    finally:
        made.end()


REFUSED = [
    (None, "The request has none", ""),
    ("Basic dXNlcjpwYXNz", "is not of this form", ""),
    ("good", "is not of this form", ""),
    ("Bearer", "is not of this form", ""),
    ("Bearer nonsense", "does not know the token", 'error="invalid_token"'),
    ("Bearer old", "expired at 20", 'error="invalid_token"'),
    ("Bearer early", "not valid before 20", 'error="invalid_token"'),
]


@pytest.mark.parametrize("path", ["/mcp", "/jobs"])
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("authorization", "why", "error"), REFUSED)
async def test_a_refusal_says_what_is_wrong_and_what_to_do(
    guarded, http, authorization, why, error, era, path
):
    """In problem details and in the challenge; neither asks for a registration that does not exist."""
    sent = call("echo", era, text="x")
    if authorization:
        sent = with_headers(sent, Authorization=authorization)
    response = await http.post(guarded.base + path, **sent)
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    reported = response.json()["detail"]
    assert why in reported
    assert "Ask the operator" in reported
    assert "re-register" not in response.text
    challenge = response.headers["www-authenticate"]
    assert challenge.startswith("Bearer")
    assert error in challenge
    assert ("error=" in challenge) == bool(error)


@pytest.mark.parametrize("authorization", ["good", "Bearer canary-of-somebody", "Token canary-1"])
async def test_a_refusal_does_not_repeat_what_may_be_a_secret(guarded, http, authorization):
    """Somebody may have sent a good token in a wrong form."""
    sent = with_headers(call("echo", text="x"), Authorization=authorization)
    response = await http.post(guarded.url, **sent)
    assert response.status_code == 401
    assert "canary" not in response.text + response.headers["www-authenticate"]
    assert "good" not in response.text


@pytest.mark.parametrize(
    "path", ["/.well-known/oauth-protected-resource/mcp", "/.well-known/openid-configuration"]
)
async def test_who_looks_for_an_authorization_server_learns_that_there_is_none(guarded, http, path):
    """404 in JSON, without a token: a client that parses it goes on to its own error."""
    response = await http.get(guarded.base + path)
    assert response.status_code == 404
    assert response.json()["title"] == "Not Found"
    assert path in response.json()["detail"]


@pytest.mark.parametrize("path", ["/", "/anything", "/jobs/1/status", "/version//", "/readyz/x"])
async def test_what_is_not_public_by_name_needs_a_token(guarded, http, path):
    """The list of public paths is short, and a new route is not on it."""
    assert (await http.get(guarded.base + path)).status_code == 401


async def refused_after(replica, head: bytes, body: bytes) -> bytes:
    """The first line of the answer to a request whose body never ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", replica.port)
    try:
        writer.write(head + body)
        async with asyncio.timeout(5):
            return await reader.readline()
    finally:
        writer.close()


@pytest.mark.parametrize("settings", [{}, {**SETTINGS}, {"MCP_JSON_RESPONSE": "auto"}])
async def test_the_answer_comes_before_the_body(replica, tmp_path, settings):
    """In every mode: an unfinished body of somebody unknown is neither waited for nor kept."""
    (tmp_path / "callers.yml").write_text(CALLERS)
    auth = {"AUTH_ENABLED": "true", "AUTH_TOKENS_FILE": tmp_path / "callers.yml"}
    made = replica(**auth, **settings)
    headers = "\r\n".join(f"{k}: {v}" for k, v in call("echo", text="x")["headers"].items())
    head = f"POST /mcp HTTP/1.1\r\nHost: localhost\r\n{headers}\r\nContent-Length: 90000\r\n\r\n"
    assert b" 401 " in await refused_after(made, head.encode(), b"{")


async def test_a_good_token_is_verified_once_and_both_paths_know_the_caller(guarded, http):
    """The fast path and the framework alike: the second is taken for an id that is no small number."""
    for request_id in (1, 2**60):
        sent = with_headers(call("who"), Authorization="Bearer good")
        sent["json"]["id"] = request_id
        response = await http.post(guarded.url, **sent)
        assert json.loads(response.text)["result"]["structuredContent"]["client"] == "c"
