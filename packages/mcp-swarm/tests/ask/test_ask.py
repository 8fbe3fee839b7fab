"""`ask`: one tool body for both eras and every mode that can carry a question."""

import pytest

from lab import replica as replicas
from lab.scripted_user import KINDS, Person

pytestmark = pytest.mark.processes

ASKING = ("lab.sample.asking",)

# Era, MCP_STATELESS_HTTP, MCP_JSON_RESPONSE. In the last, questions go over the GET stream.
CARRY = [
    ("modern", "true", "true"),
    ("modern", "true", "false"),
    ("modern", "true", "auto"),
    ("legacy", "false", "false"),
    ("legacy", "false", "auto"),
    ("legacy", "false", "true"),
]
SAYS_YES = {"Which size": {"width": 3}, "Which colour": {"name": "red"}, "Order": {"value": True}}


@pytest.fixture(scope="module")
def in_mode(tmp_path_factory):
    """One replica for each mode, for all tests here."""
    started = {}

    def get(stateless, json):
        if (stateless, json) not in started:
            settings = {"MCP_STATELESS_HTTP": stateless, "MCP_JSON_RESPONSE": json}
            made = replicas.start(tmp_path_factory.mktemp("mode"), packages=ASKING, **settings)
            started[stateless, json] = made
            made.wait_until_ready()
        return started[stateless, json]

    yield get
    for made in started.values():
        made.end()


@pytest.fixture(params=CARRY, ids=[" ".join(mode) for mode in CARRY])
def era_and_url(request, in_mode):
    """The era to speak in, a URL in a mode that can ask, and what the log says from now on."""
    era, *mode = request.param
    made = in_mode(*mode)
    before = len(made.log)
    return era, made.url, lambda: made.log[before:]


@pytest.mark.parametrize("kind", KINDS)
async def test_several_questions_of_one_body_are_answered(era_and_url, kind):
    """A model, a dataclass, a yes: the later questions are made of the earlier answers."""
    era, url, _ = era_and_url
    person = Person(SAYS_YES)
    async with person.calls(url, era, kind) as call:
        assert await call("order", what="hat") == "hat, 3 cm, red"
    assert person.asked == ["Which size of hat?", "Which colour?", "Order hat of 3 cm?"]


async def test_the_body_runs_again_for_each_answer_of_a_modern_client_only(era_and_url):
    """Three questions: four runs with rounds, one in a session. The order is done once."""
    era, url, log = era_and_url
    async with Person(SAYS_YES).calls(url, era) as call:
        await call("order", what="hat")
    assert log().count("order runs") == (4 if era == "modern" else 1)
    assert log().count("ordered hat") == 1


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_refusal_is_a_value(era_and_url, action):
    """Declined and cancelled reach the tool, at the first question or at a later one."""
    era, url, _ = era_and_url
    async with Person({**SAYS_YES, "Which size": action}).calls(url, era) as call:
        assert await call("order", what="hat") == f"size: {action}"
    async with Person({**SAYS_YES, "Which colour": action}).calls(url, era) as call:
        assert await call("order", what="hat") == f"colour: {action}"


@pytest.mark.parametrize("answer", [{"value": False}, "decline", "cancel"])
async def test_only_a_clear_yes_confirms(era_and_url, answer):
    """An accepted form that says no, a refusal and a closed question are all a no."""
    era, url, log = era_and_url
    async with Person({**SAYS_YES, "Order": answer}).calls(url, era) as call:
        assert await call("order", what="hat") == "not ordered"
    assert "ordered hat" not in log()


@pytest.mark.parametrize(
    ("wrong", "reported"),
    [
        ({"width": 0}, "width: Input should be greater than or equal to 1"),
        ({"width": 101}, "width: Input should be less than or equal to 100"),
        ({"unit": "cm"}, "width: Field required"),
    ],
)
async def test_an_answer_that_does_not_fit_is_told(era_and_url, wrong, reported):
    """The error names the question, the field and what was expected; nothing is ordered."""
    era, url, log = era_and_url
    async with Person({**SAYS_YES, "Which size": wrong}).calls(url, era) as call:
        text = await call("order", what="hat")
    assert "answer to 'size' does not fit" in text
    assert reported in text
    assert "ordered hat" not in log()


async def test_simple_types_and_choices_need_no_model(era_and_url):
    """Words to choose from, with titles or without, and a plain number."""
    era, url, _ = era_and_url
    good = {"Which?": {"value": "blue"}, "How big?": {"value": "l"}, "How many?": {"value": 7}}
    async with Person(good).calls(url, era) as call:
        assert await call("pick") == "blue l 7"
    for question, wrong in (("Which?", {"value": "grey"}), ("How big?", {}), ("How many?", {})):
        async with Person({**good, question: wrong}).calls(url, era) as call:
            assert "does not fit: " in await call("pick")


async def test_a_broad_except_does_not_swallow_a_question(era_and_url):
    """A question is no failure: `except Exception` around it lets it through."""
    era, url, _ = era_and_url
    async with Person({"Name?": {"value": "Ann"}}).calls(url, era) as call:
        assert await call("careful") == "name: Ann"


async def test_questions_of_a_task_group_are_asked(era_and_url):
    """The group wraps what its tasks raise; the question is found in it."""
    era, url, _ = era_and_url
    async with Person({"One?": {"value": 1}, "Two?": {"value": 2}}).calls(url, era) as call:
        assert await call("both_at_once") == "1 2"


@pytest.mark.parametrize("kind", KINDS)
async def test_the_clients_model_roots_and_browser_are_asked(era_and_url, kind):
    """Sampling, roots and an address to open: the same in both eras."""
    era, url, _ = era_and_url
    person = Person({"Please log in.": {}})
    async with person.calls(url, era, kind) as call:
        assert await call("think", about="rain") == "loud: THINK ABOUT RAIN."
        assert await call("where") == '["file:///home"]'
        assert await call("log_in") == "accept"


async def test_prompts_and_resources_ask_too(era_and_url):
    """They are read and rendered with the answer in them."""
    era, url, _ = era_and_url
    person = Person({"Whom?": {"value": "Ann"}, "About what?": {"value": "rain"}})
    async with person.calls(url, era) as call:
        rendered = await call.client.get_prompt("greeting")
        read = await call.client.read_resource("asking://report")
    assert rendered.messages[0].content.text == "Greet Ann."
    assert read.contents[0].text == "Report on rain"


async def test_two_questions_by_one_key_are_the_authors_mistake(era_and_url):
    """The caller gets an error without details; the log says what to mend."""
    era, url, log = era_and_url
    async with Person({"One?": {"value": 1}, "Two?": {"value": 2}}).calls(url, era) as call:
        assert await call("twice_one_key") == "Error calling tool 'twice_one_key'"
    assert "two questions of one call have the key 'same'" in log()
