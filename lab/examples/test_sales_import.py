"""Importing sales: all rows or none, told on the way, on SQLite and on PostgreSQL alike."""

import asyncio
from decimal import Decimal

import pytest

from lab.examples.samples import require_samples

sales_import = pytest.importorskip("server.examples.tools.sales_import")
require_samples()

from fastmcp.exceptions import ToolError
from sqlalchemy import text

from mcp_swarm import database as core
from server.examples.tools import sales

pytestmark = pytest.mark.usefixtures("database")

HEAD = "customer_id,sold_on,amount,reference\n"


async def count(where: str = "1 = 1") -> int:
    async with core.session() as session:
        return (
            await session.execute(text(f"SELECT count(*) FROM sale WHERE {where}"))
        ).scalar_one()


def rows(number: int, first: int = 0) -> str:
    return "".join(f"{n % 60 + 1},2026-01-05,19.90,ref-{n}\n" for n in range(first, first + number))


async def imported(server, path, progress_handler=None):
    async with server() as client:
        result = await client.call_tool(
            "import_sales", {"file_path": path}, progress_handler=progress_handler
        )
    return result.structured_content


async def test_the_sample_is_imported_once_however_often_it_is_sent(server):
    """Forty rows; the second time all of them are known by their references."""
    before = await count()
    first = await imported(server, "data/new-sales.csv")
    second = await imported(server, "data/new-sales.csv")
    assert (first["imported"], first["already_recorded"]) == (40, 0)
    assert (second["imported"], second["already_recorded"]) == (0, 40)
    assert await count() == before + 40


async def test_amounts_are_exact(server, root):
    """To the cent."""
    (root / "one.csv").write_text(HEAD + "7,2026-01-05,0.10,exact\n")
    await imported(server, "one.csv")
    newest = (await sales.get_customer(customer_id=7)).recent_sales
    assert Decimal("0.10") in [sale.amount for sale in newest] or await count(
        "reference = 'exact' AND amount_cents = 10"
    )


async def test_a_long_import_tells_how_far_it_is(server, root):
    """After each batch, up to the whole."""
    (root / "long.csv").write_text(HEAD + rows(2200))
    reported = []

    async def progress(done, total, message):
        reported.append((done, total))

    await imported(server, "long.csv", progress)
    assert reported == [(500, 2200), (1000, 2200), (1500, 2200), (2000, 2200), (2200, 2200)]


async def test_a_cancelled_import_leaves_nothing_behind(server, root):
    """Cancelled after the first batch was written: the transaction takes it back."""
    (root / "long.csv").write_text(HEAD + rows(60_000))
    begun = asyncio.Event()

    async def progress(done, total, message):
        begun.set()

    async with server() as client:
        calling = asyncio.create_task(
            client.call_tool("import_sales", {"file_path": "long.csv"}, progress_handler=progress)
        )
        await begun.wait()
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
        (root / "long.csv").write_text(HEAD + rows(3))
        # It waits until the transaction of the cancelled call has ended: nobody else sees that.
        done = await client.call_tool("import_sales", {"file_path": "long.csv"})
        assert await count("reference LIKE 'ref-%'") == 3
    assert done.structured_content["imported"] == 3


@pytest.mark.parametrize(
    ("content", "reported"),
    [
        ("customer_id,amount\n1,2\n", r"no column 'sold_on'.*customer_id,sold_on,amount,reference"),
        (HEAD + "1,2026-01-05,0,a\n", "line 2, amount: Input should be greater than 0"),
        (HEAD + "1,2026-01-05,1.234,a\n", "line 2, amount: Decimal input should have no more"),
        (HEAD + "1,2026-13-05,1,a\n", "line 2, sold_on: "),
        (HEAD + "1,2999-01-05,1,a\n", "line 2, sold_on: 2999-01-05 is in the future"),
        (HEAD + "1,2026-01-05,1,not ok\n", "line 2, reference: "),
        (HEAD + "1,2026-01-05,1\n", "line 2, reference: "),
        (HEAD + "1,2026-01-05,1,a\n" * 2, "line 3, reference: a is that of line 2 too"),
        (HEAD + "x,2026-01-05,1,a\n" * 9, r"line 6, customer_id: .*; and 4 more\."),
        (HEAD + "999,2026-01-05,1,a\n", "no customer 999, so nothing was imported"),
    ],
)
async def test_a_file_with_a_mistake_is_refused_as_a_whole(server, root, content, reported):
    """The error tells line, column and reason; the good rows before it are not written either."""
    before = await count()
    (root / "bad.csv").write_text(
        HEAD + rows(3) + content.removeprefix(HEAD)
        if reported.startswith("no customer")
        else content
    )
    with pytest.raises(ToolError, match=reported):
        await imported(server, "bad.csv")
    assert await count() == before


async def test_a_reference_of_another_sale_stops_the_import(server, root):
    """Late in the file: what was written before it is taken back."""
    await sales.record_sale(customer_id=7, amount=Decimal(5), reference="ref-1200")
    before = await count()
    (root / "clash.csv").write_text(HEAD + rows(1300))
    with pytest.raises(ToolError, match="'ref-1200' belongs to another sale"):
        await imported(server, "clash.csv")
    assert await count() == before


async def test_a_file_outside_the_folder_is_not_read(server, root):
    """The sandbox holds here too."""
    with pytest.raises(ToolError, match="leads upwards") as refused:
        await imported(server, "../secret.txt")
    assert "SECRET" not in str(refused.value)
