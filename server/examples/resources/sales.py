"""``sales://summary``: all sales in three figures; it notifies.

Whatever tool changes a sale says ``publish(ResourceUpdated(uri="sales://summary"))``, and every
client that listens reads it again.
"""

from decimal import Decimal
from typing import Any

from fastmcp.exceptions import ResourceError
from fastmcp.resources import resource

from mcp_swarm import database


@resource(
    "sales://summary",
    name="sales_summary",
    description="Number of sales, revenue in USD, day of the last sale. Notifies when they change.",
    mime_type="application/json",
)
async def sales_summary() -> dict[str, Any]:
    from sqlalchemy import Date, column, func, select, table
    from sqlalchemy.exc import DBAPIError

    # The table is declared by the tools; a resource only reads it.
    sale = table("sale", column("id"), column("amount_cents"), column("sold_on", Date))
    revenue = func.coalesce(func.sum(sale.c.amount_cents), 0)
    statement = select(func.count(sale.c.id), revenue, func.max(sale.c.sold_on))
    try:
        async with database.session() as session:
            sales, cents, last = (await session.execute(statement)).one()
    except DBAPIError as error:
        raise ResourceError(
            "The database has no sales: this server leaves the sales tools out (MCP_TOOLS)."
        ) from error
    return {
        "sales": sales,
        "revenue": str(Decimal(int(cents)).scaleb(-2)),
        "last_sale": last.isoformat() if last else None,
    }
