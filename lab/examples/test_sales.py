"""The sales tools, on SQLite and on PostgreSQL alike."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from lab.examples.samples import require_samples

sales = pytest.importorskip("server.examples.tools.sales")
require_samples()

from fastmcp.exceptions import ToolError
from sqlalchemy import text

from mcp_swarm import database as core

pytestmark = pytest.mark.usefixtures("database")

# The sample data is the same everywhere and always: these are its own figures.
REVENUE, SALES = Decimal("5795402.17"), 4668


async def query(statement: str) -> list:
    async with core.session() as session:
        result = await session.execute(text(statement))
        return list(result.all()) if result.returns_rows else []


async def test_the_sample_data_is_always_the_same():
    """Sixty customers in five regions, and two years of sales whose sum is known."""
    customers, regions = (await query("SELECT count(*), count(DISTINCT region) FROM customer"))[0]
    number, cents, first, last = (
        await query("SELECT count(*), sum(amount_cents), min(sold_on), max(sold_on) FROM sale")
    )[0]

    assert (customers, regions) == (60, 5)
    assert (number, Decimal(cents) / 100) == (SALES, REVENUE)
    assert (str(first), str(last)) == ("2024-07-01", "2026-06-30")


async def test_regions_add_up_to_the_whole():
    """The regions' sales, revenue and shares are those of all sales, highest first."""
    found = await sales.get_sales_by_region()

    assert found.revenue == REVENUE == sum(region.revenue for region in found.regions)
    assert sum(region.sales for region in found.regions) == SALES
    assert sum(region.share_percent for region in found.regions) == pytest.approx(100, abs=0.3)
    revenues = [region.revenue for region in found.regions]
    assert len(revenues) == 5
    assert revenues == sorted(revenues, reverse=True)


async def test_both_days_of_a_range_count():
    """A range of one day holds that day's sales; the day before and after are not in it."""
    day = date(2025, 3, 4)
    expected = (await query("SELECT sum(amount_cents) FROM sale WHERE sold_on = '2025-03-04'"))[0][
        0
    ]

    found = await sales.get_sales_by_region(since=day, until=day)

    assert expected > 0
    assert found.revenue == Decimal(int(expected)) / 100


async def test_a_region_without_sales_is_still_told():
    """A range before the first sale gives five regions with nothing, not an empty list."""
    found = await sales.get_sales_by_region(until=date(2020, 1, 1))

    assert [(r.sales, r.revenue, r.share_percent) for r in found.regions] == [(0, 0, 0.0)] * 5


async def test_top_customers_are_ranked_by_revenue():
    """Ranks follow revenue, and the first is the database's own first."""
    best = (
        await query(
            "SELECT c.name FROM customer c JOIN sale s ON s.customer_id = c.id "
            "WHERE c.region = 'east' GROUP BY c.id, c.name ORDER BY sum(amount_cents) DESC LIMIT 1"
        )
    )[0][0]

    found = (await sales.get_top_customers(limit=4, region="east")).customers

    assert [customer.rank for customer in found] == [1, 2, 3, 4]
    assert found[0].name == best
    assert {customer.region for customer in found} == {"east"}
    revenues = [customer.revenue for customer in found]
    assert revenues == sorted(revenues, reverse=True)


async def test_a_customer_is_found_by_id_and_by_name_in_any_case():
    """Both ways give the same customer, with the last five sales, newest first."""
    by_id = await sales.get_customer(customer_id=1)
    by_name = await sales.get_customer(name=f"  {by_id.name.upper()} ")

    assert by_id == by_name
    days = [sale.sold_on for sale in by_id.recent_sales]
    assert len(days) == 5
    assert days == sorted(days, reverse=True)
    assert days[0] == by_id.last_sale


@pytest.mark.parametrize("arguments", [{}, {"customer_id": 1, "name": "x"}])
async def test_a_customer_is_asked_for_in_one_way_only(arguments):
    """Neither id nor name, or both, is refused with what to give."""
    with pytest.raises(ToolError, match="either customer_id or name"):
        await sales.get_customer(**arguments)


async def test_an_unknown_customer_is_told_with_the_next_step():
    """The error names the value and the tool that lists ids."""
    with pytest.raises(ToolError, match=r"no customer 'Nobody'.*get_top_customers"):
        await sales.get_customer(name="Nobody")


@pytest.mark.parametrize(
    ("interval", "periods", "first", "last"),
    [
        ("month", 24, "2024-07", "2026-06"),
        ("quarter", 8, "2024-Q3", "2026-Q2"),
        ("year", 3, "2024", "2026"),
    ],
)
async def test_a_trend_has_every_period_and_adds_up(interval, periods, first, last):
    """Periods have no gaps, their revenue sums up to all, and changes follow from them."""
    found = (await sales.get_revenue_trend(interval=interval)).periods

    assert (len(found), found[0].period, found[-1].period) == (periods, first, last)
    assert sum(period.revenue for period in found) == REVENUE
    assert found[0].change_percent is None
    before, after = found[0].revenue, found[1].revenue
    assert found[1].change_percent == pytest.approx(
        float(100 * (after - before) / before), abs=0.06
    )


async def test_days_without_a_sale_are_in_the_trend_as_zero():
    """A gap is a day with nothing, and the change over it is not computed from thin air."""
    await query("DELETE FROM sale WHERE sold_on = '2025-03-05'")

    found = await sales.get_revenue_trend(
        interval="day", since=date(2025, 3, 4), until=date(2025, 3, 6)
    )

    assert [period.period for period in found.periods] == ["2025-03-04", "2025-03-05", "2025-03-06"]
    assert (found.periods[1].revenue, found.periods[1].change_percent) == (0, -100.0)
    assert found.periods[2].change_percent is None


async def test_a_trend_of_too_many_periods_is_refused():
    """Two years of days are too many for one answer; the error says what to do."""
    with pytest.raises(ToolError, match=r"more than 400 days.*longer interval"):
        await sales.get_revenue_trend(interval="day")


async def test_a_range_that_ends_before_it_begins_is_refused():
    """The error names both days."""
    with pytest.raises(ToolError, match=r"2025-02-01.*after.*2025-01-01"):
        await sales.get_top_customers(since=date(2025, 2, 1), until=date(2025, 1, 1))


async def test_a_recorded_sale_is_there():
    """What was recorded is the customer's newest sale, to the cent, today if no day is given."""
    new = await sales.record_sale(customer_id=7, amount=Decimal("0.10"))

    newest = (await sales.get_customer(customer_id=7)).recent_sales[0]
    assert (newest.sale_id, newest.amount) == (new.sale_id, Decimal("0.10"))
    assert newest.sold_on == datetime.now(UTC).date()


async def test_without_a_reference_a_repeated_call_records_twice():
    """That is why the tool carries no idempotent hint."""
    one = await sales.record_sale(customer_id=7, amount=Decimal(5))
    two = await sales.record_sale(customer_id=7, amount=Decimal(5))

    assert one.sale_id != two.sale_id


async def test_the_same_reference_records_once_however_many_call_at_once():
    """Ten calls together: one sale, all answers name it, and one only says it is new."""
    calls = [
        sales.record_sale(customer_id=7, amount=Decimal("19.90"), reference="order-1")
        for _ in range(10)
    ]

    answers = await asyncio.gather(*calls)

    assert len({answer.sale_id for answer in answers}) == 1
    assert [answer.already_recorded for answer in answers].count(False) == 1
    assert (await query("SELECT count(*) FROM sale WHERE reference = 'order-1'"))[0][0] == 1


async def test_a_reference_of_another_sale_is_refused():
    """The same reference with another amount is an error that tells the first sale."""
    await sales.record_sale(customer_id=7, amount=Decimal(10), reference="order-2")

    with pytest.raises(
        ToolError, match=r"'order-2' belongs to another sale: customer 7, 10.00 USD"
    ):
        await sales.record_sale(customer_id=7, amount=Decimal(11), reference="order-2")


async def test_a_sale_to_nobody_or_of_the_future_is_refused():
    """Nothing is written then."""
    with pytest.raises(ToolError, match="no customer 999"):
        await sales.record_sale(customer_id=999, amount=Decimal(1))
    with pytest.raises(ToolError, match="expected a day from 2000-01-01"):
        await sales.record_sale(customer_id=1, amount=Decimal(1), sold_on=date(2999, 1, 1))

    assert (await query("SELECT count(*) FROM sale"))[0][0] == SALES


async def test_money_is_exact_through_the_protocol(server):
    """Amounts come as text with two decimals, whether they were sent as text or as a number."""
    async with server() as client:
        for reference, amount in (("as-text", "19.90"), ("as-number", 19.9)):
            arguments = {"customer_id": 3, "amount": amount, "reference": reference}
            result = await client.call_tool("record_sale", arguments)

            assert result.structured_content["amount"] == "19.90"


@pytest.mark.parametrize("amount", ["0", "-1", "1.234", "1000000.01", "much", None])
async def test_an_amount_that_is_none_is_refused_before_anything_runs(server, amount):
    """The server's own validation stops it, and says which argument."""
    async with server() as client:
        with pytest.raises(ToolError, match="amount"):
            await client.call_tool("record_sale", {"customer_id": 3, "amount": amount})

    assert (await query("SELECT count(*) FROM sale"))[0][0] == SALES


async def test_hints_tell_reading_from_writing(server):
    """Clients may call what reads without asking; the tool that writes says so."""
    async with server() as client:
        tools = {tool.name: tool for tool in await client.list_tools()}

    for name in ("get_sales_by_region", "get_top_customers", "get_customer", "get_revenue_trend"):
        assert tools[name].annotations.read_only_hint is True
        assert tools[name].output_schema["type"] == "object"
    assert tools["record_sale"].annotations.read_only_hint is False
    assert tools["record_sale"].annotations.idempotent_hint is False
