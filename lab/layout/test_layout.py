"""Two versions serve side by side during a roll-out: they agree on the keys in Redis."""

import copy

import pytest

from lab.jobs.team import Follower
from lab.layout import records, snapshot
from lab.layout.sample.recorded import NEWS
from lab.layout.scenario import KEY, YES, Scenario
from lab.layout.service import HEADERS, settings
from lab.legacy import Session, final, rest, soon, uri
from lab.mcp_wire import LEGACY, answer, call, text, with_headers

pytestmark = pytest.mark.processes

LAST = records.read(records.versions()[-1])["kinds"]
NEXT = (
    "Next: write the keys as the last release does. If a change is intended: set the next version, "
    "let it read what the last one wrote, and record its layout by `python -m lab.layout`."
)


def test_the_keys_that_this_code_makes_are_those_of_the_last_layout(tmp_path):
    found = records.changes(LAST, Scenario(tmp_path).run().kinds)
    assert not found, "\n".join([*found, NEXT])


def test_a_field_may_be_added():
    today = copy.deepcopy(LAST)
    today["job:{job}"]["fields"].append("new")
    assert not records.changes(LAST, today)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda kinds: kinds.pop("sessions"), "sessions: is no longer made"),
        (lambda kinds: kinds["job:{job}"]["fields"].remove("tool"), "job:{job}: has no field tool"),
        (lambda kinds: kinds["sessions"].update(type="set"), "sessions: type is set, was zset"),
        (lambda kinds: kinds.update(new=kinds["sessions"]), "new: is a new kind of key"),
    ],
)
def test_every_other_change_is_named(change, said):
    today = copy.deepcopy(LAST)
    change(today)
    assert records.changes(LAST, today) == [said]


@pytest.fixture(params=records.versions())
def record(request):
    """What a version has written."""
    return records.read(request.param)


@pytest.fixture
def upgraded(replica, valkey, tmp_path, record):
    """Starts processes of this code on the Redis that the recorded version leaves behind."""
    with valkey.client() as client:
        snapshot.restore(client, record["keys"], record["ended"])
    return lambda **more: replica(**settings(tmp_path, valkey.url, **more))


@pytest.fixture
def session(http, record):
    """The recorded session, at the replicas that are given."""
    known = {"Mcp-Session-Id": record["client"]["session"], "MCP-Protocol-Version": LEGACY}
    return lambda *replicas: Session(http, replicas, {**HEADERS, **known})


async def test_a_session_goes_on(upgraded, session, record):
    """Its state, its visibility rules, its stream and its subscription."""
    going_on = session(made := upgraded())
    assert text(await going_on.call("noted")) == "of the session"
    tools = answer(await going_on.ask("tools/list"))["result"]["tools"]
    assert {"noted"} <= {tool["name"] for tool in tools} - {"hide"} == {t["name"] for t in tools}
    async with going_on.listen(made, after=record["client"]["last_event"]) as stream:
        before = await soon(stream)
        await going_on.call("change")
        assert [uri(before), uri(await soon(stream))] == [NEWS, NEWS]


async def test_the_answer_of_a_call_that_was_cut_is_sent_again(upgraded, session, record):
    async with session(upgraded()).listen(after=record["client"]["call"]) as stream:
        assert final(await rest(stream))["result"]["content"][0]["text"] == "was said"


async def test_a_caller_finds_its_state(upgraded, http):
    found = await http.post(upgraded().url, **with_headers(call("recall"), **HEADERS))
    assert text(found) == "of the caller"


async def test_jobs_have_their_results_and_go_on(upgraded, http, record):
    """One is done, one failed, one waits for an answer, one is queued."""
    caller, jobs, made = Follower(http, **HEADERS), record["client"], upgraded()
    assert await caller.text(made, jobs["done"]) == "was done"
    assert await caller.submit(made, "work", KEY, text="was done") == jobs["done"]
    assert (await caller.status(made, jobs["failed"]))["message"] == "as it should"
    upgraded(worker=True)
    assert await caller.text(made, jobs["queued"]) == "was queued"
    (question,) = (await caller.status(made, jobs["asking"]))["input_requests"]
    url = f"{made.base}/jobs/{jobs['asking']}/answers"
    assert (await http.post(url, json={question: YES}, headers=HEADERS)).status_code == 202
    assert await caller.text(made, jobs["asking"]) == "Hello, True"


async def test_without_the_recorded_keys_nothing_goes_on(
    replica, valkey, tmp_path, session, http, record
):
    """The control."""
    made = replica(**settings(tmp_path, valkey.url))
    assert (await session(made).ask("tools/list")).status_code == 404
    found = await http.post(made.url, **with_headers(call("recall"), **HEADERS))
    assert text(found) == "None"
    url = f"{made.base}/jobs/{record['client']['done']}/result"
    assert (await http.get(url, headers=HEADERS)).status_code == 404
