"""The resource that notifies: `sales://summary`."""

import asyncio
import json

import pytest

from lab.examples.samples import require_samples

pytest.importorskip("server.examples.tools.sales_import")
pytest.importorskip("server.examples.resources.sales")
require_samples()

from lab.mcp_wire import answer, call, request, stream
from server.mcp_app import EXAMPLES

pytestmark = pytest.mark.processes

SUMMARY = "sales://summary"


async def test_the_summary_is_that_of_all_sales(server, database):
    """On SQLite and on PostgreSQL; with a new sale in it once one is recorded."""
    async with server() as client:
        (content,) = await client.read_resource(SUMMARY)
        assert json.loads(content.text) == {
            "sales": 4668,
            "revenue": "5795402.17",
            "last_sale": "2026-06-30",
        }
        await client.call_tool("record_sale", {"customer_id": 1, "amount": "0.83"})
        (content,) = await client.read_resource(SUMMARY)
    assert json.loads(content.text)["revenue"] == "5795403.00"


@pytest.fixture
def shop(replica, sqlite_file, tmp_path):
    """A replica that serves all examples."""
    (tmp_path / "shop.db").write_bytes(sqlite_file.read_bytes())

    def start(**settings):
        url = f"sqlite+aiosqlite:///{tmp_path}/shop.db"
        return replica(packages=EXAMPLES, DATABASE_URL=url, **settings)

    return start


async def test_whoever_listens_hears_of_each_change_and_of_nothing_else(shop, http):
    """Recorded and imported are told; what changed nothing is not."""
    made = shop()
    listen = request("subscriptions/listen", notifications={"resourceSubscriptions": [SUMMARY]})
    sale = {"customer_id": 1, "amount": "5.00", "reference": "once"}
    async with http.stream("POST", made.url, **listen) as response, asyncio.timeout(20):
        events = stream(response)
        assert (await anext(events))["method"] == "notifications/subscriptions/acknowledged"
        for _ in range(2):  # the second changes nothing
            await http.post(made.url, **call("record_sale", **sale))
        await http.post(made.url, **call("import_sales", file_path="data/new-sales.csv"))
        for _ in range(2):
            event = await anext(events)
            assert (event["method"], event["params"]["uri"]) == (
                "notifications/resources/updated",
                SUMMARY,
            )
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), 0.5)


async def test_without_the_sales_tools_the_summary_says_so(replica, http):
    """MCP_TOOLS left them out, so nobody has made their tables; the error names it."""
    made = replica(packages=EXAMPLES, MCP_TOOLS="files")
    error = answer(await http.post(made.url, **request("resources/read", uri=SUMMARY)))["error"]
    assert "MCP_TOOLS" in error["message"]
