"""Taking a sale back: an action that destroys, so a person confirms what they have read.

The question shows the sale as it is. Should it change while the person reads, the answer does
not count: a client of 2026-07-28 is asked again, an older one gets an error.
"""

from datetime import date
from typing import Annotated

from fastmcp import Context
from fastmcp.exceptions import ToolError
from fastmcp.tools import tool
from mcp.server.subscriptions import ResourceUpdated
from pydantic import BaseModel, Field
from sqlalchemy import delete, select

from mcp_swarm import ask, database, publish
from server.examples.tools._sales_results import CURRENCY, SUMMARY_URI, Money, money
from server.examples.tools._sales_tables import Customer, Sale


class VoidedSale(BaseModel):
    sale_id: int
    customer: str
    sold_on: date
    amount: Money
    voided: bool = Field(description="False if the user did not confirm: the sale is kept.")


@tool(
    annotations={
        "title": "Void a sale",
        "readOnlyHint": False,
        "destructiveHint": True,
        "idempotentHint": False,
        "openWorldHint": False,
    }
)
async def void_sale(
    ctx: Context,
    sale_id: Annotated[int, Field(ge=1, description="The sale; get_customer returns recent ids.")],
) -> VoidedSale:
    """Delete a sale for good, once the user has confirmed it."""
    sale, customer = await _find(sale_id)
    found = VoidedSale(
        sale_id=sale.id,
        customer=customer,
        sold_on=sale.sold_on,
        amount=money(sale.amount_cents),
        voided=False,
    )
    question = (
        f"Delete sale {sale_id} for good: {found.amount} {CURRENCY} to {customer} "
        f"on {found.sold_on}?"
    )
    if not await ask.confirm(ctx, "sure", question):
        return found
    # All that was shown is in the condition: what was confirmed is what is deleted.
    as_shown = (Sale.customer_id, sale.customer_id), (Sale.amount_cents, sale.amount_cents)
    statement = delete(Sale).where(
        Sale.id == sale_id, Sale.sold_on == sale.sold_on, *(is_ == was for is_, was in as_shown)
    )
    async with database.session() as session:
        deleted = (await session.execute(statement.returning(Sale.id))).all()
    if not deleted:
        raise ToolError(
            f"Sale {sale_id} has changed or gone since it was shown, so nothing was deleted. "
            "Next: call again."
        )
    await publish(ResourceUpdated(uri=SUMMARY_URI))
    return found.model_copy(update={"voided": True})


async def _find(sale_id: int) -> tuple[Sale, str]:
    statement = select(Sale, Customer.name).join(Customer).where(Sale.id == sale_id)
    async with database.session() as session:
        row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise ToolError(f"There is no sale {sale_id}. get_customer shows a customer's last sales.")
    return row[0], row[1]
