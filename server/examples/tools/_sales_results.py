"""What the tools of ``sales.py`` answer with. FastMCP makes their output schemas from these."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, Field

CURRENCY = "USD"
OLDEST = date(2000, 1, 1)

# server/examples/resources/sales.py; clients that listen are notified when a tool has changed a sale.
SUMMARY_URI = "sales://summary"

Region = Literal["north", "south", "east", "west", "central"]
Interval = Literal["day", "month", "quarter", "year"]
Money = Annotated[Decimal, Field(description=f"{CURRENCY} with two decimals, as text: '19.90'.")]


class RegionSales(BaseModel):
    region: Region
    sales: int
    revenue: Money
    share_percent: float = Field(description="Share of the revenue of all regions, 0 to 100.")


class SalesByRegion(BaseModel):
    since: date | None
    until: date | None
    revenue: Money
    regions: list[RegionSales] = Field(description="Highest revenue first.")


class RankedCustomer(BaseModel):
    rank: int
    customer_id: int
    name: str
    region: Region
    sales: int
    revenue: Money


class TopCustomers(BaseModel):
    since: date | None
    until: date | None
    customers: list[RankedCustomer]


class RecordedSale(BaseModel):
    sale_id: int
    customer_id: int
    sold_on: date
    amount: Money
    reference: str | None


class NewSale(RecordedSale):
    already_recorded: bool = Field(description="True if this reference had been recorded before.")


class CustomerDetails(BaseModel):
    customer_id: int
    name: str
    region: Region
    since: date
    sales: int
    revenue: Money
    first_sale: date | None
    last_sale: date | None
    recent_sales: list[RecordedSale] = Field(description="The last five, newest first.")


class Period(BaseModel):
    period: str = Field(description="2026-03-05, 2026-03, 2026-Q1 or 2026, by the interval.")
    sales: int
    revenue: Money
    change_percent: float | None = Field(description="To the period before; null if that was 0.")


class RevenueTrend(BaseModel):
    interval: Interval
    region: Region | None
    periods: list[Period] = Field(description="In order of time; those without a sale too.")


def money(cents: int | Decimal) -> Decimal:
    """Whole cents as an amount with two decimals. PostgreSQL gives sums as Decimal."""
    return Decimal(int(cents)).scaleb(-2)
