"""A prompt that has the model write a review from the tools of ``server/examples/tools/sales.py``."""

from typing import Annotated, Literal

from fastmcp.prompts import prompt
from pydantic import Field


@prompt
async def sales_review(
    quarter: Annotated[
        str, Field(pattern=r"^\d{4}-Q[1-4]$", description="The quarter to review: 2026-Q2.")
    ],
    region: Annotated[
        Literal["all", "north", "south", "east", "west", "central"],
        Field(description="One region, or all."),
    ] = "all",
) -> str:
    """Write a short review of one quarter's sales, from the sales tools."""
    year, number = int(quarter[:4]), int(quarter[-1])
    first = f"{year}-{3 * number - 2:02}-01"
    last = f"{year}-{3 * number:02}-{(31, 30, 30, 31)[number - 1]}"
    where = "" if region == "all" else f', region "{region}"'
    return f"""Review the sales of {quarter}, {"all regions" if region == "all" else region}.

1. get_revenue_trend with interval "quarter"{where}: how does {quarter} compare with the quarter
   before and with the same quarter a year ago?
2. get_sales_by_region with since {first}, until {last}: who leads, who falls behind?
3. get_top_customers with limit 5, since {first}, until {last}{where}: how much of the revenue
   depends on them?

Write at most 200 words: one sentence with the result, then what changed and why it may have, then
one thing to do. Use only figures that the tools returned, with their currency, and say so where
they do not tell enough."""
