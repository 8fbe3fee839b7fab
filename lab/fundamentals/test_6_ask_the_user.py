"""Ask the user in the middle of a call: written once, in `tools/order.py`, for every client."""

import pytest

from lab.mcp_wire import answer, call
from lab.scripted_user import Person

TOOLS = ("lab.fundamentals.tools",)
SESSIONS = {"MCP_STATELESS_HTTP": "false", "MCP_JSON_RESPONSE": "false"}


async def test_a_question_of_one_replica_is_answered_at_another(replica, http, key):
    """On the wire: the call ends with a question; the next one brings the answer, anywhere."""
    blue, green = (replica(packages=TOOLS, MCP_REQUEST_STATE_KEYS=key) for _ in range(2))

    asked = answer(await http.post(blue.url, **call("order", what="a hat")))["result"]
    assert asked["resultType"] == "input_required"
    assert asked["inputRequests"]["size"]["params"]["message"] == "Which size of a hat?"

    again = call("order", what="a hat")
    again["json"]["params"] |= {
        "requestState": asked["requestState"],  # sealed; whoever has the key can open it
        "inputResponses": {"size": {"action": "accept", "content": {"width": 54}}},
    }
    done = answer(await http.post(green.url, **again))["result"]
    assert done["content"][0]["text"] == "Ordered a hat, 54 cm"


@pytest.mark.parametrize(("era", "settings"), [("modern", {}), ("legacy", SESSIONS)])
async def test_the_same_tool_asks_clients_of_both_eras(replica, era, settings):
    """Older clients are asked in their session. A refusal is a value, not an error."""
    url = replica(packages=TOOLS, **settings).url

    async with Person({"Which size": {"width": 54}}).calls(url, era) as ask:
        assert await ask("order", what="a hat") == "Ordered a hat, 54 cm"
    async with Person({"Which size": "decline"}).calls(url, era) as ask:
        assert await ask("order", what="a hat") == "Nothing ordered: decline"


async def test_where_nobody_can_be_asked_the_error_names_the_setting(replica):
    """Never a hang: here, an older client and a server without sessions."""
    async with Person().calls(replica(packages=TOOLS).url, "legacy") as ask:
        assert "MCP_STATELESS_HTTP=false" in await ask("order", what="a hat")
