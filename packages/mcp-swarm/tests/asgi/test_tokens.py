"""Bearer tokens: who is let in, as whom, and what the others are told."""

import hashlib
import re
from datetime import UTC, datetime, timedelta

import pytest

from lab import replica as replicas
from lab.mcp_wire import ERAS, answer, call, request, with_headers

pytestmark = pytest.mark.processes

NOW = datetime.now(UTC)


def when(**offset) -> str:
    return (NOW + timedelta(**offset)).strftime("%Y-%m-%dT%H:%M:%SZ")


def caller(token, client, **more) -> str:
    digest = hashlib.sha256(token.encode()).hexdigest()
    lines = [f"- sha256: {digest}", f"  client: {client}"]
    return "\n".join([*lines, *(f"  {name}: {value}" for name, value in more.items())])


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A replica that knows one token of its own and a file of callers."""
    folder = tmp_path_factory.mktemp("guarded")
    callers = [
        caller("token-a", "bot-a", subject="team-a", tenant="acme", scopes="[mcp, admin]"),
        caller("token-b", "bot-b", subject="team-b", tenant="beta"),
        caller("token-old", "bot-c", expires_at=when(hours=1)),
        caller("token-new", "bot-c", not_before=when(hours=-1)),
        caller("token-expired", "bot-c", expires_at=when(hours=-1)),
        caller("token-early", "bot-c", not_before=when(hours=1)),
    ]
    (folder / "callers.yml").write_text("\n".join(callers))
    made = replicas.start(
        folder,
        AUTH_ENABLED="true",
        AUTH_TOKEN="the-one-token",
        AUTH_TOKENS_FILE=folder / "callers.yml",
    )
    try:
        made.wait_until_ready()
        yield made
    finally:
        made.end()


def asking(authorization=None, era="modern"):
    made = call("who", era)
    return with_headers(made, Authorization=authorization) if authorization else made


async def who(http, url, token, era="modern"):
    response = await http.post(url, **asking(f"Bearer {token}", era))
    assert response.status_code == 200
    return answer(response)["result"]["structuredContent"]


@pytest.mark.parametrize("era", ERAS)
async def test_the_one_token_lets_in(guarded, http, era):
    """AUTH_TOKEN has one caller, who is called default."""
    assert (await who(http, guarded.url, "the-one-token", era))["client"] == "default"


@pytest.mark.parametrize("era", ERAS)
async def test_without_a_token_the_answer_is_401_with_a_challenge(guarded, http, era):
    """RFC 6750 §3: the challenge names the scheme, and no error when nothing was tried."""
    response = await http.post(guarded.url, **asking(era=era))
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert response.headers["x-served-by"] == "tested"


@pytest.mark.parametrize(
    "token",
    ["wrong", "the-one-toke", "the-one-tokenn", "THE-ONE-TOKEN", "x" * 10_000, "a b", "é", "\xff"],
)
async def test_a_wrong_token_is_401_invalid_token(guarded, http, token):
    """RFC 6750 §3.1; bytes outside ASCII are a wrong token, not a crash."""
    headers = {**asking()["headers"], "Authorization": f"Bearer {token}".encode("latin-1")}
    response = await http.post(guarded.url, headers=headers, json=asking()["json"])
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
async def test_the_schemes_case_does_not_matter(guarded, http, scheme):
    """RFC 9110 §11.1."""
    response = await http.post(guarded.url, **asking(f"{scheme} the-one-token"))
    assert response.status_code == 200


@pytest.mark.parametrize("header", ["Basic dXNlcjpwYXNz", "the-one-token", "Bearer"])
async def test_another_scheme_is_401(guarded, http, header):
    """A token without its scheme is none."""
    assert (await http.post(guarded.url, **asking(header))).status_code == 401


@pytest.mark.parametrize("era", ERAS)
async def test_each_caller_of_the_file_is_a_principal_of_its_own(guarded, http, era):
    """Client, subject, tenant and scopes are what later limits and state go by."""
    a = {"client": "bot-a", "subject": "team-a", "tenant": "acme", "scopes": "mcp admin"}
    b = {"client": "bot-b", "subject": "team-b", "tenant": "beta", "scopes": ""}
    assert await who(http, guarded.url, "token-a", era) == a
    assert await who(http, guarded.url, "token-b", era) == b


async def test_old_and_new_token_overlap_as_one_principal(guarded, http):
    """Rotation: both count for a while, and mean the same caller."""
    old, new = [await who(http, guarded.url, f"token-{age}") for age in ("old", "new")]
    assert old == new
    assert old["client"] == "bot-c"


@pytest.mark.parametrize("token", ["token-expired", "token-early"])
async def test_a_token_counts_only_in_its_time(guarded, http, token):
    """Expired, or not valid yet."""
    assert (await http.post(guarded.url, **asking(f"Bearer {token}"))).status_code == 401


async def test_version_and_health_need_no_token(guarded, http):
    """A balancer and a curl have none; nothing there is secret."""
    for path in ("version", "healthz", "readyz"):
        assert (await http.get(f"{guarded.base}/{path}")).status_code == 200


async def test_listing_needs_a_token_too(guarded, http):
    """What a server offers is for its callers."""
    assert (await http.post(guarded.url, **request("tools/list"))).status_code == 401


async def test_without_auth_everyone_is_nobody(shared, http):
    """The default: a token that a client sends along anyway changes nothing."""
    assert await who(http, shared.url, "any") == {"client": None}


async def test_no_token_is_in_the_log_or_the_command_line(guarded, http):
    """Right or wrong, tokens are other people's secrets."""
    for token in ("the-one-token", "canary-wrong-token"):
        await http.post(guarded.url, **asking(f"Bearer {token}"))
    guarded.wait_for_log(" 401 POST /mcp")
    assert not re.search("the-one-token|canary-wrong|token-[ab]", guarded.log)


GOOD = caller("canary-token", "a")
OTHER = "- sha256: " + "f" * 64 + "\n  client: other"


@pytest.mark.parametrize(
    ("content", "reported"),
    [
        ("", "valid list"),
        ("[]", "lists no caller"),
        ("just words", "valid list"),
        ("- client: a", "0.sha256: Field required"),
        ("- sha256: canary-in-clear\n  client: a", "0.sha256: String should match"),
        (f"{OTHER}\n{GOOD}\n  scope: [a]", "1.scope: Extra inputs are not permitted"),
        (f"{GOOD}\n  expires_at: 2027-01-31T00:00:00", "without time zone"),
        (f"{GOOD}\n  expires_at: soon", "0.expires_at"),
        (f"{OTHER}\n- sha256: [canary-unclosed", "line 3"),
        (f"{GOOD}\n{GOOD}", "twice"),
    ],
)
def test_a_bad_file_of_callers_stops_the_start(replica, tmp_path, content, reported):
    """The place in the file and the reason are told; what is in it is not."""
    (tmp_path / "callers.yml").write_text(content)
    made = replica(ready=False, AUTH_ENABLED="true", AUTH_TOKENS_FILE=tmp_path / "callers.yml")
    assert made.wait() == 3
    (error,) = made.log.strip().splitlines()
    assert error.startswith("error: AUTH_TOKENS_FILE ")
    assert reported in error
    assert "canary" not in error


def test_a_file_of_callers_that_is_not_there_stops_the_start(replica, tmp_path):
    """A secret that was not mounted."""
    made = replica(ready=False, AUTH_ENABLED="true", AUTH_TOKENS_FILE=tmp_path / "nowhere.yml")
    assert made.wait() == 3
    (error,) = made.log.strip().splitlines()
    assert "nowhere.yml' cannot be read: No such file" in error
