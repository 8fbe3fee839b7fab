"""The tables that ``sales.py`` queries, and example rows for them.

The rows go into the default SQLite file, and elsewhere with ``MCP_SAMPLE_DATA=true``.
"""

import csv
import random
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import BigInteger, Date, ForeignKey, Index, Integer, String, func, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from mcp_swarm import database

CUSTOMERS = Path(__file__).parents[1] / "data" / "data" / "customers.csv"
SAMPLE_DAYS = (date(2024, 7, 1), date(2026, 6, 30))


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    region: Mapped[str] = mapped_column(String(16), index=True)
    since: Mapped[date] = mapped_column(Date)

    # get_customer finds a name in any case, so that is what must be unique, and fast.
    __table_args__ = (Index("ix_customer_name_lower", func.lower(name), unique=True),)


class Sale(Base):
    __tablename__ = "sale"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    sold_on: Mapped[date] = mapped_column(Date, index=True)
    # Whole cents: binary fractions cannot hold 0.10, and SQLite has no decimal type.
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    reference: Mapped[str | None] = mapped_column(String(64), unique=True)

    __table_args__ = (Index("ix_sale_customer_day", customer_id, sold_on),)


async def sample_data(session: AsyncSession) -> None:
    """The customers of ``samples/data/customers.csv`` and two years of sales, always the same."""
    if not CUSTOMERS.exists():  # server/examples/data may be deleted
        return
    with CUSTOMERS.open(encoding="utf-8", newline="") as file:
        customers = [
            Customer(name=row["name"], region=row["region"], since=date.fromisoformat(row["since"]))
            for row in csv.DictReader(file)
        ]
    session.add_all(customers)
    await session.flush()
    # into the table and not the class: the same rows at half the cost
    sales = list(_sample_sales([found.id for found in customers]))
    await session.execute(insert(Base.metadata.tables["sale"]), sales)


def _sample_sales(customer_ids: list[int]) -> list[dict[str, object]]:
    """Four to twelve sales a day, fewer at weekends, growing slowly; few customers buy much."""
    chance = random.Random(20240701).random  # noqa: S311 - no secret; the same on every Python
    first, last = SAMPLE_DAYS
    sales: list[dict[str, object]] = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        busy = 4 + number / 180 if day.weekday() < 5 else 2
        for _ in range(int(busy + 4 * chance())):
            buyer, size = chance(), chance()
            sales.append(
                {
                    "customer_id": customer_ids[int(buyer * buyer * len(customer_ids))],
                    "sold_on": day,
                    "amount_cents": 1_990 + int(size * size * size * 480_000),
                }
            )
    return sales


database.declare(Base.metadata, samples=sample_data)
