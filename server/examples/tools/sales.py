"""Sales: who bought what, where and when, in the database that ``DATABASE_URL`` names.

All sums are made by the database, by statements that run on SQLite and on PostgreSQL.
``_sales_tables.py`` has the tables and the sample data, ``_sales_results.py`` the answers.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastmcp.exceptions import ToolError
from fastmcp.tools import tool
from mcp.server.subscriptions import ResourceUpdated
from pydantic import Field
from sqlalchemy import ColumnElement, Integer, and_, cast, extract, func, select
from sqlalchemy.exc import IntegrityError

from mcp_swarm import database, publish
from server.examples.tools._sales_results import (
    CURRENCY,
    OLDEST,
    SUMMARY_URI,
    CustomerDetails,
    Interval,
    NewSale,
    Period,
    RankedCustomer,
    RecordedSale,
    Region,
    RegionSales,
    RevenueTrend,
    SalesByRegion,
    TopCustomers,
    money,
)
from server.examples.tools._sales_tables import Customer, Sale

READS = {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False}
MAX_PERIODS = 400

Since = Annotated[date | None, Field(description="First day to count; all if left out.")]
Until = Annotated[date | None, Field(description="Last day to count, itself included.")]
InRegion = Annotated[Region | None, Field(description="Only this region; all if left out.")]


@tool(annotations={"title": "Sales by region", **READS})
async def get_sales_by_region(since: Since = None, until: Until = None) -> SalesByRegion:
    """Number of sales and revenue of each region, highest revenue first."""
    revenue = func.coalesce(func.sum(Sale.amount_cents), 0)
    statement = (
        select(Customer.region, func.count(Sale.id), revenue)
        .outerjoin(Sale, and_(Sale.customer_id == Customer.id, *_within(since, until)))
        .group_by(Customer.region)
        .order_by(revenue.desc(), Customer.region)
    )
    async with database.session() as session:
        rows = (await session.execute(statement)).all()
    total = sum(int(cents) for _, _, cents in rows)
    regions = [
        RegionSales(
            region=region,
            sales=sales,
            revenue=money(cents),
            share_percent=round(100 * int(cents) / total, 1) if total else 0.0,
        )
        for region, sales, cents in rows
    ]
    return SalesByRegion(since=since, until=until, revenue=money(total), regions=regions)


@tool(annotations={"title": "Top customers", **READS})
async def get_top_customers(
    limit: Annotated[int, Field(ge=1, le=100, description="How many customers.")] = 10,
    since: Since = None,
    until: Until = None,
    region: InRegion = None,
) -> TopCustomers:
    """The customers with the highest revenue, with their ids for get_customer."""
    revenue = func.sum(Sale.amount_cents)
    statement = (
        select(Customer.id, Customer.name, Customer.region, func.count(Sale.id), revenue)
        .join(Sale, Sale.customer_id == Customer.id)
        .where(*_within(since, until), *_in(region))
        .group_by(Customer.id)
        .order_by(revenue.desc(), Customer.id)
        .limit(limit)
    )
    async with database.session() as session:
        rows = (await session.execute(statement)).all()
    customers = [
        RankedCustomer(
            rank=rank, customer_id=key, name=name, region=at, sales=sales, revenue=money(cents)
        )
        for rank, (key, name, at, sales, cents) in enumerate(rows, 1)
    ]
    return TopCustomers(since=since, until=until, customers=customers)


@tool(annotations={"title": "One customer", **READS})
async def get_customer(
    customer_id: Annotated[int | None, Field(ge=1, description="The customer's id.")] = None,
    name: Annotated[
        str | None, Field(min_length=1, max_length=200, description="Or the name, in any case.")
    ] = None,
) -> CustomerDetails:
    """One customer by id or by exact name: region, totals, and the last five sales."""
    if (customer_id is None) == (name is None):
        raise ToolError("Give either customer_id or name, and one of them only.")
    wanted = (
        Customer.id == customer_id
        if name is None
        else func.lower(Customer.name) == name.strip().lower()
    )
    totals = select(
        func.count(Sale.id),
        func.coalesce(func.sum(Sale.amount_cents), 0),
        func.min(Sale.sold_on),
        func.max(Sale.sold_on),
    )
    async with database.session() as session:
        customer = await session.scalar(select(Customer).where(wanted))
        if customer is None:
            raise _unknown_customer(customer_id if name is None else name)
        own = Sale.customer_id == customer.id
        sales, cents, first, last = (await session.execute(totals.where(own))).one()
        newest = select(Sale).where(own).order_by(Sale.sold_on.desc(), Sale.id.desc()).limit(5)
        recent = [_recorded(sale) for sale in await session.scalars(newest)]
    return CustomerDetails(
        customer_id=customer.id,
        name=customer.name,
        region=customer.region,
        since=customer.since,
        sales=sales,
        revenue=money(cents),
        first_sale=first,
        last_sale=last,
        recent_sales=[RecordedSale(**sale) for sale in recent],
    )


@tool(annotations={"title": "Revenue trend", **READS})
async def get_revenue_trend(
    interval: Annotated[Interval, Field(description="Length of a period.")] = "month",
    region: InRegion = None,
    since: Since = None,
    until: Until = None,
) -> RevenueTrend:
    """Revenue a day, month, quarter or year, with the change to the period before."""
    period = _period(interval)
    statement = (
        select(period, func.count(Sale.id), func.sum(Sale.amount_cents))
        .join(Customer, Sale.customer_id == Customer.id)
        .where(*_within(since, until), *_in(region))
        .group_by(period)
        .order_by(period)
        .limit(MAX_PERIODS + 1)
    )
    async with database.session() as session:
        rows = (await session.execute(statement)).all()
    found = {_ordinal(start): (sales, int(cents)) for start, sales, cents in rows}
    numbers = range(min(found), max(found) + 1) if found else range(0)
    if len(numbers) > MAX_PERIODS:
        raise ToolError(
            f"The sales asked for span more than {MAX_PERIODS} {interval}s. "
            "Narrow since and until, or take a longer interval."
        )
    periods: list[Period] = []
    before = 0
    for number in numbers:
        sales, cents = found.get(number, (0, 0))
        change = round(100 * (cents - before) / before, 1) if before else None
        periods.append(
            Period(
                period=_label(number, interval),
                sales=sales,
                revenue=money(cents),
                change_percent=change,
            )
        )
        before = cents
    return RevenueTrend(interval=interval, region=region, periods=periods)


@tool(
    annotations={
        "title": "Record a sale",
        "readOnlyHint": False,
        "destructiveHint": False,
        "idempotentHint": False,  # it is with a reference; a hint cannot say so
        "openWorldHint": False,
    }
)
async def record_sale(
    customer_id: Annotated[int, Field(ge=1, description="Who bought; get_customer returns ids.")],
    amount: Annotated[
        Decimal,
        Field(gt=0, le=1_000_000, decimal_places=2, description=f"In {CURRENCY}, like '19.90'."),
    ],
    sold_on: Annotated[
        date | None, Field(description="Day of the sale; today (UTC) if left out.")
    ] = None,
    reference: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9._:-]{1,64}$",
            description="Your own unique key, such as an order number. Repeating a call with the "
            "same reference records nothing new and returns the first sale, so it can be retried.",
        ),
    ] = None,
) -> NewSale:
    """Record a sale. Give a reference, so that a repeated call cannot record it twice."""
    today = datetime.now(UTC).date()
    sale = Sale(
        customer_id=customer_id,
        sold_on=sold_on or today,
        amount_cents=int(amount.scaleb(2)),
        reference=reference,
    )
    if not OLDEST <= sale.sold_on <= today:
        raise ToolError(f"sold_on is {sale.sold_on}; expected a day from {OLDEST} to {today}.")
    try:
        async with database.session() as session:
            if await session.get(Customer, customer_id) is None:
                raise _unknown_customer(customer_id)
            session.add(sale)
    except IntegrityError as error:  # the reference is there already, perhaps since this instant
        return await _recorded_before(sale, error)
    await publish(ResourceUpdated(uri=SUMMARY_URI))
    return NewSale(**_recorded(sale), already_recorded=False)


async def _recorded_before(sale: Sale, error: IntegrityError) -> NewSale:
    async with database.session() as session:
        first = await session.scalar(select(Sale).where(Sale.reference == sale.reference))
    if first is None:
        raise error
    if (first.customer_id, first.amount_cents) != (sale.customer_id, sale.amount_cents):
        raise ToolError(
            f"The reference {sale.reference!r} belongs to another sale: customer "
            f"{first.customer_id}, {money(first.amount_cents)} {CURRENCY}. "
            "Repeat the same sale, or give a new reference."
        )
    return NewSale(**_recorded(first), already_recorded=True)


def _unknown_customer(wanted: object) -> ToolError:
    return ToolError(
        f"There is no customer {wanted!r}. get_top_customers lists customers with their ids."
    )


def _within(since: date | None, until: date | None) -> list[ColumnElement[bool]]:
    if since and until and since > until:
        raise ToolError(f"since ({since}) is after until ({until}). Exchange them.")
    first = [Sale.sold_on >= since] if since else []
    return [*first, Sale.sold_on <= until] if until else first


def _in(region: Region | None) -> list[ColumnElement[bool]]:
    return [Customer.region == region] if region else []


def _period(interval: Interval) -> ColumnElement[Any]:
    """Numbers the periods of all time without gaps, so that periods without a sale are found."""
    if interval == "day":
        return Sale.sold_on.expression
    year = cast(extract("year", Sale.sold_on), Integer)
    month = cast(extract("month", Sale.sold_on), Integer) - 1
    return {"month": year * 12 + month, "quarter": year * 4 + month // 3, "year": year}[interval]


def _ordinal(period: date | int) -> int:
    return period.toordinal() if isinstance(period, date) else int(period)


def _label(number: int, interval: Interval) -> str:
    return {
        "day": lambda: date.fromordinal(number).isoformat(),
        "month": lambda: f"{number // 12}-{number % 12 + 1:02}",
        "quarter": lambda: f"{number // 4}-Q{number % 4 + 1}",
        "year": lambda: str(number),
    }[interval]()


def _recorded(sale: Sale) -> dict[str, Any]:
    return {
        "sale_id": sale.id,
        "customer_id": sale.customer_id,
        "sold_on": sale.sold_on,
        "amount": money(sale.amount_cents),
        "reference": sale.reference,
    }
