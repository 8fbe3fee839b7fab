"""A sales report as a file: long work, so a job; its result is a CSV to download.

curl -X POST localhost:8000/jobs -H 'Content-Type: application/json' \
        -d '{"tool": "export_sales", "arguments": {"since": "2026-01-01"}}'
curl localhost:8000/jobs/ID/status
curl -H 'Accept: text/csv' -o sales.csv localhost:8000/jobs/ID/result
"""

import csv
import io
from datetime import date
from typing import Annotated

from fastmcp import Context
from fastmcp.exceptions import ToolError
from fastmcp.tools import tool
from fastmcp.tools.base import ToolResult
from mcp_types import EmbeddedResource, TextContent, TextResourceContents
from pydantic import Field
from sqlalchemy import ColumnElement, func, select

from mcp_swarm import database
from server.examples.tools._sales_results import CURRENCY, Region, money
from server.examples.tools._sales_tables import Customer, Sale

PAGE = 500  # rows read at once: the database, other callers and the progress all get their turn
MAX_ROWS = 100_000
COLUMNS = ("sale_id", "sold_on", "customer_id", "customer", "region", f"amount_{CURRENCY}")


@tool(
    task=True,
    timeout=600,
    annotations={
        "title": "Export sales",
        "readOnlyHint": True,
        "idempotentHint": True,
        "openWorldHint": False,
    },
)
async def export_sales(
    ctx: Context,
    since: Annotated[date | None, Field(description="First day; all if left out.")] = None,
    until: Annotated[date | None, Field(description="Last day, itself included.")] = None,
    region: Annotated[Region | None, Field(description="Only this one.")] = None,
) -> ToolResult:
    """All sales of a period as a CSV file, one row a sale. Slow: run it as a job if you can."""
    which = [
        *([Sale.sold_on >= since] if since else []),
        *([Sale.sold_on <= until] if until else []),
        *([Customer.region == region] if region else []),
    ]
    rows, cents, last = await _count(which), 0, 0
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    written = 0
    while page := await _page(which, after=last):
        for sale, customer in page:
            amount = money(sale.amount_cents)
            name = _as_text(customer.name)
            writer.writerow((sale.id, sale.sold_on, customer.id, name, customer.region, amount))
            cents += sale.amount_cents
        written, last = written + len(page), page[-1][0].id
        await ctx.report_progress(written, max(rows, written), f"{written} of {rows} sales")
    name = f"sales-{since or 'begin'}-{until or 'end'}-{region or 'all'}.csv"
    contents = TextResourceContents(
        uri=f"report:///{name}", mime_type="text/csv", text=file.getvalue()
    )
    summary = f"{written} sales, {money(cents)} {CURRENCY}, in {name}"
    return ToolResult(
        content=[
            TextContent(type="text", text=summary),
            EmbeddedResource(type="resource", resource=contents),
        ],
        structured_content={"rows": written, "revenue": str(money(cents)), "file": name},
    )


async def _count(which: list[ColumnElement[bool]]) -> int:
    """How many rows there will be.

    Raises:
        ToolError: too many for one file.
    """
    statement = select(func.count(Sale.id)).join(Customer, Sale.customer_id == Customer.id)
    async with database.session() as session:
        rows = int(await session.scalar(statement.where(*which)) or 0)
    if rows > MAX_ROWS:
        raise ToolError(f"{rows} sales, but a file has at most {MAX_ROWS}. Narrow since and until.")
    return rows


async def _page(which: list[ColumnElement[bool]], after: int) -> "list[tuple[Sale, Customer]]":
    """The next rows by id: no offset, so a late page costs what an early one does."""
    statement = (
        select(Sale, Customer)
        .join(Customer, Sale.customer_id == Customer.id)
        .where(Sale.id > after, *which)
        .order_by(Sale.id)
        .limit(PAGE)
    )
    async with database.session() as session:
        return [(sale, customer) for sale, customer in (await session.execute(statement)).all()]


def _as_text(value: str) -> str:
    """A value that no spreadsheet takes for a formula (CSV injection, OWASP)."""
    return f"'{value}" if value[:1] in "=+-@\t\r" else value
