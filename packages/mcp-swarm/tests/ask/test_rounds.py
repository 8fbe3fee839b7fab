"""`ask` by input rounds of 2026-07-28, on the wire: what is sealed, what counts as an answer."""

import pytest

from lab.mcp_wire import answer, call

ASKING = ("lab.sample.asking",)
YES = {"action": "accept", "content": {"value": True}}
SIZE = {"action": "accept", "content": {"width": 3}}
COLOUR = {"action": "accept", "content": {"name": "red"}}


@pytest.fixture
def asking(shared_replica):
    """A replica whose tools ask."""
    return shared_replica(packages=ASKING)


def asked_for(request, capabilities):
    """The same request by a client with these capabilities only."""
    meta = request["json"]["params"]["_meta"]
    request["json"]["params"]["_meta"] = {
        **meta,
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    }
    return request


async def post(http, at, tool, state=None, responses=None, **arguments):
    """One round; the whole JSON-RPC response."""
    made = call(tool, **arguments)
    if state is not None:
        made["json"]["params"]["requestState"] = state
    if responses is not None:
        made["json"]["params"]["inputResponses"] = responses
    return answer(await http.post(at.url, **made))


async def ask_over(http, replicas, tool, answers, **arguments):
    """All rounds of a call, each at the next replica; the last result and the questions."""
    state = responses = None
    questions = []
    for number in range(10):
        at = replicas[number % len(replicas)]
        result = (await post(http, at, tool, state, responses, **arguments))["result"]
        if result.get("resultType") != "input_required":
            return result["content"][0]["text"], questions
        ((key, question),) = result["inputRequests"].items()
        questions.append(question["params"]["message"])
        state, responses = result["requestState"], {key: answers[key]}
    raise AssertionError(questions)


ANSWERS = {"size": SIZE, "colour": COLOUR, "sure": YES}


async def test_rounds_alternate_over_replicas_that_share_a_key(replica, http, key):
    """Earlier answers travel in the state: each round meets a replica that knows none of them."""
    pair = [replica(packages=ASKING, MCP_REQUEST_STATE_KEYS=key) for _ in range(2)]
    text, questions = await ask_over(http, pair, "order", ANSWERS, what="hat")
    assert text == "hat, 3 cm, red"
    assert questions == ["Which size of hat?", "Which colour?", "Order hat of 3 cm?"]
    assert [made.log.count("ordered hat") for made in pair] == [0, 1]


async def test_rounds_alternate_over_replicas_with_a_shared_store(service, http):
    """The same with Valkey between them, as in production."""
    three = [service(packages=ASKING) for _ in range(3)]
    text, _ = await ask_over(http, three, "order", ANSWERS, what="hat")
    assert text == "hat, 3 cm, red"


async def test_each_question_comes_with_a_sealed_state(asking, http):
    """Without one, whoever replays the answer would run the action anew; and nothing leaks."""
    first = (await post(http, asking, "order", what="hat"))["result"]
    second = (await post(http, asking, "order", first["requestState"], {"size": SIZE}, what="hat"))[
        "result"
    ]
    for result in (first, second):
        assert result["requestState"].startswith("v1.")
        assert "size" not in result["requestState"]
    assert first["inputRequests"]["size"]["method"] == "elicitation/create"
    schema = first["inputRequests"]["size"]["params"]["requestedSchema"]
    assert schema["properties"]["width"]["maximum"] == 100


async def test_an_answer_that_nobody_asked_for_does_not_count(asking, http):
    """Sent with the first call, without a state, or to a question of a later round: it is asked."""
    first = (await post(http, asking, "order", responses=ANSWERS, what="cap"))["result"]
    assert list(first["inputRequests"]) == ["size"]
    second = (await post(http, asking, "order", first["requestState"], ANSWERS, what="cap"))[
        "result"
    ]
    assert list(second["inputRequests"]) == ["colour"]
    assert "ordered cap" not in asking.log


async def test_a_yes_counts_for_the_question_that_was_read(replica, http):
    """The price changed while the user thought: the question is asked again, with the new one."""
    asking = replica(packages=ASKING)
    old = (await post(http, asking, "pay"))["result"]
    await post(http, asking, "set_price", price="1000")
    new = (await post(http, asking, "pay", old["requestState"], {"pay": YES}))["result"]
    assert new["inputRequests"]["pay"]["params"]["message"] == "Pay 1000?"
    done = (await post(http, asking, "pay", new["requestState"], {"pay": YES}))["result"]
    assert done["content"][0]["text"] == "paid 1000"


async def test_without_an_answer_the_question_is_asked_again(asking, http):
    """A client that only echoes the state learns nothing else, and loses nothing."""
    first = (await post(http, asking, "pay"))["result"]
    again = (await post(http, asking, "pay", first["requestState"]))["result"]
    assert again["inputRequests"] == first["inputRequests"]


async def test_a_question_that_is_never_the_same_ends_with_an_error(asking, http):
    """The error says what a question may be made of."""
    state = responses = None
    for _ in range(21):
        result = (await post(http, asking, "never_the_same", state, responses))["result"]
        if result.get("resultType") != "input_required":
            break
        state, responses = result["requestState"], {"again": YES}
    assert result["isError"] is True
    assert "After 20 rounds" in result["content"][0]["text"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"roots": []},
        {"role": "assistant", "model": "m", "content": {"type": "text", "text": "yes"}},
    ],
)
async def test_an_answer_of_another_kind_is_refused(asking, http, wrong):
    """A list of roots or a model's words are no form."""
    first = (await post(http, asking, "pay"))["result"]
    result = (await post(http, asking, "pay", first["requestState"], {"pay": wrong}))["result"]
    assert result["isError"] is True
    assert "answer to 'pay' is not a valid ElicitResult" in result["content"][0]["text"]


@pytest.mark.parametrize(
    ("tool", "arguments", "needed"),
    [
        ("pay", {}, {"elicitation": {"form": {}}}),
        ("log_in", {}, {"elicitation": {"url": {}}}),
        ("think", {"about": "x"}, {"sampling": {}}),
        ("where", {}, {"roots": {}}),
    ],
)
async def test_a_client_that_cannot_be_asked_is_told_what_it_lacks(
    asking, http, tool, arguments, needed
):
    """-32021 with HTTP 400, as 2026-07-28 has it; the message names the capability."""
    response = await http.post(asking.url, **asked_for(call(tool, **arguments), {}))
    error = answer(response)["error"]
    assert (response.status_code, error["code"]) == (400, -32021)
    assert error["data"] == {"requiredCapabilities": needed}
    name = ".".join(["elicitation", *needed["elicitation"]]) if "elicitation" in needed else tool
    assert {"think": "sampling", "where": "roots"}.get(name, name) in error["message"]


@pytest.mark.parametrize("capability", [{"elicitation": {}}, {"elicitation": {"form": {}}}])
async def test_an_empty_elicitation_capability_means_forms(asking, http, capability):
    """As clients declared it before there were two kinds; a browser is not implied."""
    asked = answer(await http.post(asking.url, **asked_for(call("pay"), capability)))
    assert asked["result"]["resultType"] == "input_required"
    refused = answer(await http.post(asking.url, **asked_for(call("log_in"), capability)))
    assert refused["error"]["code"] == -32021


async def test_a_tool_may_do_without_a_client_that_can_be_asked(asking, http):
    """NotAnswered is caught in the body like any other error."""
    result = answer(await http.post(asking.url, **asked_for(call("careful"), {})))["result"]
    assert result["content"][0]["text"].startswith("without: The question 'name' needs a client")


async def test_the_state_lives_as_long_as_an_answer_may_take(replica, http):
    """MCP_ASK_TIMEOUT is the state's time to live too."""
    made = replica(packages=ASKING, MCP_ASK_TIMEOUT="0.001")
    first = (await post(http, made, "pay"))["result"]
    late = await post(http, made, "pay", first["requestState"], {"pay": YES})
    assert late["error"]["code"] == -32602
