"""Input rounds of 2026-07-28: begun on one replica, finished on another."""

import pytest

from lab.mcp_wire import answer, call

OLD, NEW = "o" * 32, "n" * 32


@pytest.fixture
def pair(shared_replica):
    """Two replicas with these keys."""

    def start(keys_a, keys_b):
        return [
            shared_replica(MCP_REPLICA=name, MCP_REQUEST_STATE_KEYS=",".join(keys))
            for name, keys in (("a", keys_a), ("b", keys_b))
        ]

    return start


async def begin(http, at, what="pay"):
    """Call `confirm` there; the question and the sealed state that came back."""
    result = answer(await http.post(at.url, **call("confirm", what=what)))["result"]
    assert result["resultType"] == "input_required"
    assert result["inputRequests"]["sure"]["params"]["message"] == f"{what}?"
    return result["requestState"]


async def finish(http, at, state, what="pay"):
    """The same call again with the user's answer; the whole JSON-RPC response."""
    asked = call("confirm", what=what)
    asked["json"]["params"] |= {
        "requestState": state,
        "inputResponses": {"sure": {"action": "accept", "content": {"ok": True}}},
    }
    return answer(await http.post(at.url, **asked))


async def finishes(http, at, state):
    response = await finish(http, at, state)
    return "result" in response and response["result"]["content"][0]["text"] == "pay: accept"


async def test_a_round_begun_on_one_replica_finishes_on_another(pair, http):
    """Both have the key: no session, no stickiness."""
    a, b = pair([OLD], [OLD])
    assert await finishes(http, b, await begin(http, a))
    assert await finishes(http, a, await begin(http, b))


async def test_with_different_keys_it_does_not(pair, http):
    """The control: the state is sealed, not just passed around (trap T7)."""
    a, b = pair([OLD], [NEW])
    state = await begin(http, a)
    assert await finishes(http, a, state)
    error = (await finish(http, b, state))["error"]
    assert "requestState" in error["message"]


async def test_under_another_name_it_does_not(pair, http, replica):
    """The control: the name is the audience, which all replicas of a service share (trap T7)."""
    a, b = pair([OLD], [OLD])
    c = replica(MCP_REQUEST_STATE_KEYS=OLD, MCP_NAME="another-service")
    state = await begin(http, a)
    assert "error" in await finish(http, c, state)
    assert await finishes(http, b, state)


async def test_without_keys_a_replica_opens_only_its_own(replica, http):
    """One process needs no setting; the key lives as long as it does."""
    a, b = replica(), replica()
    state = await begin(http, a)
    assert "error" in await finish(http, b, state)
    assert await finishes(http, a, state)


async def test_keys_rotate_without_breaking_rounds(pair, http):
    """[old] → [old, new] → [new, old] → [new]: in each step, each opens what the other sealed."""
    a, b = pair([OLD], [OLD, NEW])
    assert await finishes(http, b, await begin(http, a))
    assert await finishes(http, a, await begin(http, b))
    c, d = pair([OLD, NEW], [NEW, OLD])
    assert await finishes(http, d, await begin(http, c))
    assert await finishes(http, c, await begin(http, d))
    e, f = pair([NEW, OLD], [NEW])
    assert await finishes(http, f, await begin(http, e))
    assert await finishes(http, e, await begin(http, f))


async def test_an_old_key_taken_away_closes_what_it_sealed(pair, http):
    """The control of the rotation: the first key seals, and only listed keys open."""
    a, b = pair([NEW, OLD], [OLD])
    assert "error" in await finish(http, b, await begin(http, a))


async def test_a_state_is_bound_to_its_call(replica, http):
    """Sealed for one set of arguments, it opens with no other, and not when changed."""
    made = replica()
    state = await begin(http, made, "pay 1")
    assert "error" in await finish(http, made, state, "pay 1000000")
    flipped = state[:-8] + ("A" if state[-8] != "A" else "B") + state[-7:]
    assert "error" in await finish(http, made, flipped, "pay 1")
    assert "asked about" not in state
