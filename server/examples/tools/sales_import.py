"""Importing sales from a file below ``FILES_ROOT``: long work that reports its progress.

All or nothing: every row is checked before the first is written, and all are written in one
transaction. A call that is cancelled, over its time limit or cut by a crash leaves nothing
behind, and one that is repeated imports only what is not there yet.
"""

import asyncio
import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastmcp import Context
from fastmcp.exceptions import ToolError
from fastmcp.tools import tool
from mcp.server.subscriptions import ResourceUpdated
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from mcp_swarm import database, publish, sandbox
from server.config import settings
from server.examples.tools._sales_results import CURRENCY, OLDEST, SUMMARY_URI
from server.examples.tools._sales_tables import Customer, Sale

MAX_FILE_BYTES = 10_000_000
BATCH = 500  # rows between two reports; a database takes few hundred values in one statement
SHOWN_PROBLEMS = 5

COLUMNS = ("customer_id", "sold_on", "amount", "reference")


class Imported(BaseModel):
    """What became of the rows of a file."""

    file_path: str
    rows: int
    imported: int
    already_recorded: int = Field(description="Rows whose reference was recorded before.")


class _Row(BaseModel):
    customer_id: int = Field(ge=1)
    sold_on: date = Field(ge=OLDEST)
    amount: Decimal = Field(gt=0, le=1_000_000, decimal_places=2)
    reference: str = Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")

    def columns(self) -> dict[str, Any]:
        return {
            "customer_id": self.customer_id,
            "sold_on": self.sold_on,
            "amount_cents": int(self.amount.scaleb(2)),
            "reference": self.reference,
        }


@tool(
    annotations={
        "title": "Import sales",
        "readOnlyHint": False,
        "destructiveHint": False,
        "idempotentHint": True,  # each row has its reference
        "openWorldHint": False,
    }
)
async def import_sales(
    ctx: Context,
    file_path: Annotated[
        str,
        Field(
            description="CSV below the server's files, like 'data/new-sales.csv', with the columns "
            f"{', '.join(COLUMNS)}; amounts in {CURRENCY} like 19.90, references your own keys."
        ),
    ],
) -> Imported:
    """Import sales from a CSV file, all rows or none. Repeating it imports nothing twice."""
    rows = await asyncio.to_thread(_checked, file_path)
    written = 0
    try:
        async with database.session() as session:
            for start in range(0, len(rows), BATCH):
                batch = rows[start : start + BATCH]
                if new := await _not_there_yet(session, batch):
                    await session.execute(insert(Sale), [row.columns() for row in new])
                written += len(new)
                await ctx.report_progress(start + len(batch), len(rows), f"{written} written")
    except IntegrityError as error:  # another call recorded one of them at the same moment
        raise ToolError(
            "Somebody recorded one of these references at the same moment, so nothing was "
            "imported. Next: call again."
        ) from error
    if written:
        await publish(ResourceUpdated(uri=SUMMARY_URI))
    return Imported(
        file_path=file_path,
        rows=len(rows),
        imported=written,
        already_recorded=len(rows) - written,
    )


async def _not_there_yet(session: AsyncSession, batch: list[_Row]) -> list[_Row]:
    """Rows to write; refuses the file if it names unknown customers or another sale's reference."""
    wanted = {row.customer_id for row in batch}
    known = set(await session.scalars(select(Customer.id).where(Customer.id.in_(wanted))))
    if unknown := sorted(wanted - known):
        raise ToolError(
            f"There is no customer {unknown[0]}, so nothing was imported. get_top_customers lists "
            "customers with their ids."
        )
    references = [row.reference for row in batch]
    found = await session.execute(
        select(Sale.reference, Sale.customer_id, Sale.amount_cents).where(
            Sale.reference.in_(references)
        )
    )
    there = {reference: (customer, cents) for reference, customer, cents in found}
    for row in batch:
        mine = (row.customer_id, int(row.amount.scaleb(2)))
        if there.get(row.reference, mine) != mine:
            raise ToolError(
                f"The reference {row.reference!r} belongs to another sale, so nothing was "
                "imported. Next: correct the row, or give it a new reference."
            )
    return [row for row in batch if row.reference not in there]


def _checked(path: str) -> list[_Row]:
    """The rows of the file; one error that tells the first problems if any row has one."""
    text = sandbox.Sandbox(settings().files_root).read_text(path, max_bytes=MAX_FILE_BYTES)
    reader = csv.DictReader(text.splitlines())
    if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        raise ToolError(
            f"{path!r} has no column {missing[0]!r}. Expected a first line with "
            f"{','.join(COLUMNS)}."
        )
    rows: list[_Row] = []
    problems: list[str] = []
    first_with: dict[str, int] = {}
    today = datetime.now(UTC).date()
    for record in reader:
        line = reader.line_num
        try:
            row = _Row.model_validate({name: record[name] for name in COLUMNS})
        except ValidationError as error:
            wrong = error.errors(include_url=False)[0]
            problems.append(f"line {line}, {wrong['loc'][0]}: {wrong['msg']}")
            continue
        if row.sold_on > today:
            problems.append(f"line {line}, sold_on: {row.sold_on} is in the future")
        if (first := first_with.setdefault(row.reference, line)) != line:
            problems.append(f"line {line}, reference: {row.reference} is that of line {first} too")
        rows.append(row)
    if problems:
        shown = "; ".join(problems[:SHOWN_PROBLEMS])
        more = len(problems) - SHOWN_PROBLEMS
        raise ToolError(
            f"{path!r} cannot be imported, and nothing was: {shown}"
            + (f"; and {more} more." if more > 0 else ".")
        )
    return rows
