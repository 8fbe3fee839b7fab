"""A sealed state of an input round is used at most once, whichever replica it is sent to."""

import asyncio
import hashlib

import pytest

from lab.mcp_wire import answer, call, request, with_headers
from lab.service_name import NAME
from lab.valkey import Valkey

USED = "request_state_already_used"


@pytest.fixture
def done(tmp_path):
    """The file that `transfer` writes a line into; `done()` counts the lines."""
    file = tmp_path / "done"

    def lines():
        return file.read_text().count("done") if file.exists() else 0

    lines.file = str(file)
    return lines


def transfer(done, state=None, **arguments):
    """The call; with a state, the user's agreement too."""
    asked = call("transfer", to=done.file, **arguments)
    if state is not None:
        asked["json"]["params"] |= {
            "requestState": state,
            "inputResponses": {"sure": {"action": "accept", "content": {"ok": True}}},
        }
    return asked


async def begun(http, made, done, **arguments):
    """The state that the question came with."""
    return answer(await http.post(made.url, **transfer(done, **arguments)))["result"][
        "requestState"
    ]


def outcome(response):
    """`done`, the reason of a refusal, or `asked` again."""
    body = answer(response)
    if "error" in body:
        return body["error"].get("data", {}).get("reason", body["error"]["code"])
    if body["result"]["resultType"] == "input_required":
        return "asked"
    return body["result"]["content"][0]["text"]


async def replayed(http, replicas, done, times=10):
    """One confirmation sent `times` at once, over the replicas in turn."""
    state = await begun(http, replicas[0], done)
    responses = await asyncio.gather(
        *(http.post(replicas[n % len(replicas)].url, **transfer(done, state)) for n in range(times))
    )
    return sorted(outcome(response) for response in responses)


async def test_a_confirmed_action_replayed_over_replicas_runs_once(service, http, done):
    """Ten at once over three replicas: one is done, nine are told that it was."""
    replicas = [service(MCP_REPLICA=name, without=["redis-timeout"]) for name in "abc"]
    assert await replayed(http, replicas, done) == ["done"] + [USED] * 9
    assert done() == 1


@pytest.mark.parametrize(
    ("options", "second"),
    [({"appendfsync": "everysec"}, USED), ({"appendonly": "no"}, "done")],
    ids=["as in stack.yml", "without its file"],
)
async def test_it_stays_used_when_redis_is_killed(service, http, done, tmp_path, options, second):
    """What Redis answered is in its file, although not on the disk yet; the control has no file."""
    kept = Valkey(tmp_path / "kept", **options)
    try:
        made = service(REDIS_URL=kept.url)
        state = await begun(http, made, done)
        assert outcome(await http.post(made.url, **transfer(done, state))) == "done"
        with kept.client() as redis:  # a busy disk may hold up what it writes to its file
            while redis.info("persistence").get("aof_buffer_length"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        kept.kill()  # SIGKILL
        kept.start()
        assert outcome(await http.post(made.url, **transfer(done, state))) == second
    finally:
        kept.end()


async def test_without_the_protection_it_runs_every_time(service, http, done):
    """The control: the seal alone does not prevent it."""
    replicas = [service(MCP_REPLICA=name, without=["single-use"]) for name in "abc"]
    assert await replayed(http, replicas, done) == ["done"] * 10
    assert done() == 10


async def test_in_memory_it_holds_for_the_one_process(replica, http, done):
    """There is no other that could open the state."""
    assert await replayed(http, [replica()], done) == ["done"] + [USED] * 9
    assert done() == 1


async def test_the_refusal_tells_the_next_step(replica, http, done):
    """-32602 with a reason that a program can read, and words for people."""
    made = replica()
    state = await begun(http, made, done)
    await http.post(made.url, **transfer(done, state))
    error = answer(await http.post(made.url, **transfer(done, state)))["error"]
    assert error["code"] == -32602
    assert "already used" in error["message"]
    assert "call without requestState" in error["message"]
    assert error["data"] == {"reason": USED}


async def test_each_further_question_has_a_state_of_its_own(service, http, done):
    """Three rounds over three replicas; the states of the rounds before are used up."""
    replicas = [service(MCP_REPLICA=name) for name in "abc"]
    states = [await begun(http, replicas[0], done, times=3)]
    for made in replicas[1:]:
        response = await http.post(made.url, **transfer(done, states[-1], times=3))
        assert outcome(response) == "asked"
        states.append(answer(response)["result"]["requestState"])
    last = await http.post(replicas[0].url, **transfer(done, states[-1], times=3))
    assert outcome(last) == "done"
    for state in states:
        again = await http.post(replicas[1].url, **transfer(done, state, times=3))
        assert outcome(again) == USED
    assert done() == 1


@pytest.mark.parametrize(
    ("method", "params", "key", "words"),
    [
        ("prompts/get", {"name": "greeting"}, "name", "Greet Ada."),
        ("resources/read", {"uri": "asking://report"}, "about", "Report on Ada"),
    ],
)
async def test_prompts_and_resources_too(replica, http, method, params, key, words):
    """All that may ask with a state."""
    made = replica(packages=("lab.sample.asking",))
    asked = request(method, **params)
    state = answer(await http.post(made.url, **asked))["result"]["requestState"]
    said = {key: {"action": "accept", "content": {"value": "Ada"}}}
    asked["json"]["params"] |= {"requestState": state, "inputResponses": said}
    assert words in (await http.post(made.url, **asked)).text
    assert outcome(await http.post(made.url, **asked)) == USED


CALLERS = "\n".join(
    f"- sha256: {hashlib.sha256(f'token-{n}'.encode()).hexdigest()}\n  client: {n}" for n in "ab"
)


async def test_a_stranger_cannot_spend_it(replica, http, done, tmp_path):
    """Neither with other arguments, nor changed, nor as another caller."""
    (tmp_path / "callers.yml").write_text(CALLERS)
    made = replica(AUTH_ENABLED="true", AUTH_TOKENS_FILE=tmp_path / "callers.yml")

    async def post(who, asked):
        return await http.post(made.url, **with_headers(asked, Authorization=f"Bearer token-{who}"))

    state = answer(await post("a", transfer(done)))["result"]["requestState"]
    other = transfer(done, state)
    other["json"]["params"]["arguments"]["to"] = "/dev/null"
    changed = state[:-8] + ("A" if state[-8] != "A" else "B") + state[-7:]
    for who, asked in (
        ("a", other),
        ("a", transfer(done, changed)),
        ("b", transfer(done, state)),
    ):
        assert outcome(await post(who, asked)) == "invalid_request_state"
    assert outcome(await post("a", transfer(done, state))) == "done"
    assert done() == 1


async def test_what_is_spent_is_kept_as_long_as_it_would_open(service, http, done, valkey):
    """600 s and the difference that clocks may have; the key tells nothing of the state."""
    made = service()
    state = await begun(http, made, done)
    await http.post(made.url, **transfer(done, state))
    with valkey.client() as redis:
        (name,) = redis.keys(f"{NAME}:state:*")
        assert 600 < redis.ttl(name) <= 660
        assert state.encode() not in name


async def test_a_round_without_state_is_not_held_back(replica, http):
    """Only what was sealed can be told apart: an answer alone is an ordinary call (docs/events.md)."""
    made = replica()
    asked = call("confirm", what="pay")
    asked["json"]["params"]["inputResponses"] = {"sure": {"action": "accept", "content": {}}}
    for _ in range(2):
        assert outcome(await http.post(made.url, **asked)) == "asked"
