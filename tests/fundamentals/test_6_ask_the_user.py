"""Ask the user in the middle of a call: the answer may arrive at another replica."""

from tests.speak import answer, call


async def test_a_question_of_one_replica_is_answered_at_another(replica, http, key):
    """The tool returns its question; what it must remember travels sealed, by the shared key."""
    blue, green = (replica(MCP_REQUEST_STATE_KEYS=key) for _ in range(2))

    asked = answer(await http.post(blue.url, **call("confirm", what="delete it")))["result"]
    assert asked["resultType"] == "input_required"
    assert asked["inputRequests"]["sure"]["params"]["message"] == "delete it?"

    again = call("confirm", what="delete it")
    again["json"]["params"] |= {
        "requestState": asked["requestState"],
        "inputResponses": {"sure": {"action": "accept", "content": {"ok": True}}},
    }
    done = answer(await http.post(green.url, **again))["result"]
    assert done["content"][0]["text"] == "delete it: accept"
