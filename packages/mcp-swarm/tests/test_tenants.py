"""Two tenants of one client and subject share nothing that is kept from call to call."""

import hashlib

import pytest

from lab import legacy
from lab.legacy import Session
from lab.listen import listen, opened, refusal
from lab.mcp_wire import answer, call, text, with_headers
from lab.tenants import CALLERS, OTHERS, TENANTS, bearer
from mcp_swarm import identity
from mcp_swarm.identity import ANONYMOUS, Caller


@pytest.fixture
def callers(tmp_path):
    """Settings of a replica that knows them all."""
    (tmp_path / "callers.yml").write_text(CALLERS)
    return {"AUTH_ENABLED": "true", "AUTH_TOKENS_FILE": tmp_path / "callers.yml"}


def test_a_caller_without_a_tenant_owns_what_earlier_releases_stored():
    """Old and new replicas serve side by side during a roll-out."""
    caller = Caller("agent", "ann")
    digest = hashlib.sha256(b"owner\0agent\0ann").hexdigest()[:32]
    assert caller.owner == digest
    assert caller.share == hashlib.sha256(b"tenant\0agent").hexdigest()[:32]
    assert caller.principal == '{"client_id": "agent", "issuer": null, "subject": "ann"}'
    assert ANONYMOUS.owner == hashlib.sha256(b"anonymous").hexdigest()[:32]
    assert ANONYMOUS.principal == ""


def test_a_jobs_owner_of_an_earlier_release_is_known_by_its_tenant():
    """Such a job has no tenant in its owner, but has it beside."""
    former = Caller("agent", "ann").owner
    shares = {who: Caller("agent", "ann", who).share for who in TENANTS}
    north = Caller("agent", "ann", "north", issuer="#tenant=north")
    assert north.owns(north.owner, shares["north"])
    assert north.owns(former, shares["north"])
    assert not north.owns(former, shares["south"])
    assert not Caller("agent", "ann").owns(former, shares["north"])


def test_a_tenant_is_put_into_the_issuer_once():
    """A job's worker does it again to what a replica recorded."""
    token = identity.AccessToken(token="", client_id="agent", scopes=[], claims={"tenant": "north"})
    once = identity.in_tenant(token)
    assert once.claims["iss"] == "#tenant=north"
    assert identity.in_tenant(once) == once
    issued = token.model_copy(update={"claims": {"tenant": "north", "iss": "https://idp.example"}})
    assert identity.in_tenant(issued).claims["iss"] == "https://idp.example#tenant=north"
    plain = token.model_copy(update={"claims": {"iss": "https://idp.example"}})
    assert identity.in_tenant(plain) is plain


@pytest.mark.parametrize("shared", [True, False], ids=["in Redis", "in memory"])
async def test_a_session_is_its_tenants(replica, service, callers, http, shared):
    """Calls, the GET stream and DELETE: 404 as for a session that never was."""
    made = (service if shared else replica)(**legacy.SETTINGS, **callers)
    session = await Session(http, [made], bearer("north")).open()
    for who in OTHERS:
        thief = Session(http, [made], {**session.headers, **bearer(who)})
        assert (await thief.call("echo", text="x")).status_code == 404
        async with thief.get(made) as response:
            assert response.status_code == 404
        assert (await thief.delete(made)).status_code == 404
    renewed = Session(http, [made], {**session.headers, **bearer("north-new")})
    assert text(await renewed.call("echo", text="mine")) == "mine"


@pytest.mark.parametrize("shared", [True, False], ids=["in Redis", "in memory"])
async def test_state_is_its_tenants(replica, service, callers, http, shared):
    """`UserSession` belongs to client, subject and tenant."""
    made = (service if shared else replica)(**callers)

    async def ask(who, tool, **arguments):
        return text(
            await http.post(made.url, **with_headers(call(tool, **arguments), **bearer(who)))
        )

    await ask("north", "remember", fact="the north's")
    assert [await ask(who, "recall") for who in OTHERS] == ["nothing", "nothing"]
    assert await ask("north-new", "recall") == "the north's"


async def test_an_input_round_is_its_tenants(replica, callers, http):
    """A sealed requestState of one tenant is refused for another, and still good for its own."""
    made = replica(**callers)

    def confirm(who, **more):
        asked = with_headers(call("confirm", what="pay"), **bearer(who))
        asked["json"]["params"] |= more
        return http.post(made.url, **asked)

    state = answer(await confirm("north"))["result"]["requestState"]
    agreed = {"sure": {"action": "accept", "content": {"ok": True}}}
    finish = {"requestState": state, "inputResponses": agreed}
    for who in OTHERS:
        assert "requestState" in answer(await confirm(who, **finish))["error"]["message"]
    assert text(await confirm("north-new", **finish)) == "pay: accept"


async def test_listen_limits_are_a_tenants_own(replica, callers, http):
    """One tenant at its limit leaves the other's streams alone."""
    made = replica(MCP_LISTEN_LIMIT_PER_CLIENT=1, **callers)
    asked = {who: with_headers(listen("sample://greeting"), **bearer(who)) for who in TENANTS}
    async with opened(http, made, asked["north"]):
        assert (await refusal(http, made, asked["north"]))["code"] == -31003
        async with opened(http, made, asked["south"]):
            pass
