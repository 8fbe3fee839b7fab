"""The examples that ask, on real replicas: one body, clients of both eras."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

import mcp_types as types
import pytest

from lab.examples.samples import require_samples

pytest.importorskip("server.examples.tools.sales_corrections")
pytest.importorskip("server.examples.tools.analysis")
require_samples()

from mcp.client import Client

from lab.mcp_wire import answer, call
from lab.scripted_user import Person
from server.mcp_app import EXAMPLES

SESSIONS = {"MCP_STATELESS_HTTP": "false", "MCP_JSON_RESPONSE": "false"}
MODES = [("modern", {}), ("legacy", SESSIONS)]
YES = {"action": "accept", "content": {"value": True}}


SALES = count(100)


@pytest.fixture
def sale():
    """The number of a sale of this test's own."""
    return next(SALES)


@pytest.fixture(scope="module")
def path(sqlite_file, tmp_path_factory):
    """The database of this file's tests."""
    return Path(shutil.copy(sqlite_file, tmp_path_factory.mktemp("shop") / "shop.db"))


@pytest.fixture
def shop(shared_replica, path):
    """Replicas that serve all examples over one database; and a query on it."""

    def start(**settings):
        url = f"sqlite+aiosqlite:///{path}"
        return shared_replica(packages=EXAMPLES, DATABASE_URL=url, **settings)

    def query(statement):
        with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
            return connection.execute(statement).fetchall()

    return start, query


@pytest.mark.parametrize(("era", "settings"), MODES, ids=["modern", "legacy"])
async def test_a_sale_is_voided_once_a_person_has_confirmed_it(shop, sale, era, settings):
    """The question shows what will be gone; then that sale is gone, and no other."""
    start, query = shop
    ((cents, day),) = query(f"SELECT amount_cents, sold_on FROM sale WHERE id = {sale}")
    before = query("SELECT count(*) FROM sale")[0][0]
    person = Person({f"Delete sale {sale}": {"value": True}})
    async with person.calls(start(**settings).url, era) as ask:
        assert '"voided":true' in (await ask("void_sale", sale_id=sale)).replace(" ", "")
        assert f"There is no sale {sale}" in await ask("void_sale", sale_id=sale)
    (question,) = person.asked
    assert f"{cents / 100:.2f} USD" in question
    assert day in question
    assert query("SELECT count(*) FROM sale")[0][0] == before - 1


@pytest.mark.parametrize("reply", ["decline", "cancel", {"value": False}])
@pytest.mark.parametrize(("era", "settings"), MODES, ids=["modern", "legacy"])
async def test_a_sale_is_kept_if_nobody_confirms(shop, sale, era, settings, reply):
    """A refusal is a result, not an error: the sale is told, and kept."""
    start, query = shop
    async with Person({"Delete": reply}).calls(start(**settings).url, era) as ask:
        assert '"voided":false' in (await ask("void_sale", sale_id=sale)).replace(" ", "")
    assert query(f"SELECT count(*) FROM sale WHERE id = {sale}") == [(1,)]


async def test_a_sale_that_changes_under_an_old_clients_eyes_is_kept(shop, sale):
    """What was confirmed is what is deleted, or nothing is."""
    start, query = shop
    made = start(**SESSIONS)

    async def elicited(context, params):
        query(f"UPDATE sale SET amount_cents = 1 WHERE id = {sale}")
        return types.ElicitResult(action="accept", content={"value": True})

    async with Client(made.url, mode="legacy", elicitation_callback=elicited, cache=None) as client:
        result = await client.call_tool("void_sale", {"sale_id": sale})
    assert result.is_error
    assert "has changed or gone" in result.content[0].text
    assert query(f"SELECT amount_cents FROM sale WHERE id = {sale}") == [(1,)]


async def void(http, at, sale, **params):
    asked = call("void_sale", sale_id=sale)
    asked["json"]["params"] |= params
    return answer(await http.post(at.url, **asked))


async def test_a_sale_that_changes_under_a_new_clients_eyes_is_asked_about_anew(shop, sale, http):
    """The answer was to another question."""
    start, query = shop
    made = start()
    state = (await void(http, made, sale))["result"]["requestState"]
    query(f"UPDATE sale SET amount_cents = 1 WHERE id = {sale}")
    again = await void(http, made, sale, requestState=state, inputResponses={"sure": YES})
    assert "0.01 USD" in again["result"]["inputRequests"]["sure"]["params"]["message"]
    assert query(f"SELECT count(*) FROM sale WHERE id = {sale}") == [(1,)]


async def test_one_confirmation_voids_once_however_often_it_is_sent(shop, sale, http):
    """Ten times the same sealed yes: one call runs, nine are refused as used."""
    start, query = shop
    made = start()
    state = (await void(http, made, sale))["result"]["requestState"]
    sent = (
        void(http, made, sale, requestState=state, inputResponses={"sure": YES}) for _ in range(10)
    )
    replies = await asyncio.gather(*sent)
    assert [r["error"]["code"] for r in replies if "error" in r] == [-32602] * 9
    (done,) = [r["result"]["structuredContent"] for r in replies if "result" in r]
    assert done["voided"] is True
    assert query(f"SELECT count(*) FROM sale WHERE id = {sale}") == [(0,)]


TEXT = "The courier came late.\nThe courier was kind, but the courier came late again."


@pytest.mark.parametrize(("era", "settings"), MODES, ids=["modern", "legacy"])
async def test_a_text_is_analyzed_by_the_callers_own_model(shop, era, settings):
    """What the client's model wrote is the analysis; the text went there as data."""
    start, _ = shop
    async with Person().calls(start(**settings).url, era) as ask:
        done = await ask.client.call_tool("analyze_with_ai", {"text": TEXT, "question": "Mood?"})
    found = done.structured_content
    assert (found["by"], found["model"], found["note"]) == ("model", "loud", None)
    assert found["analysis"].startswith("MOOD?")
    assert "THE COURIER CAME LATE." in found["analysis"]


@pytest.mark.parametrize(
    ("mode", "settings", "reason"),
    [
        ("2026-07-28", {}, "capability 'sampling'"),
        ("legacy", SESSIONS, "capability 'sampling'"),
        ("legacy", {}, "MCP_STATELESS_HTTP=false"),
    ],
)
async def test_without_a_model_the_analysis_counts_and_says_why(shop, mode, settings, reason):
    """A client without sampling, and a server without sessions: an answer all the same."""
    start, _ = shop
    async with Client(start(**settings).url, mode=mode, cache=None) as client:
        done = await client.call_tool("analyze_with_ai", {"text": TEXT})
    found = done.structured_content
    assert (found["by"], found["model"]) == ("counting", None)
    assert found["analysis"].startswith(
        "14 words, 2 lines, 77 characters. Most frequent: courier (3)"
    )
    assert reason in found["note"]
