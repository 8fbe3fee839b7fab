"""Leads: kept in the database, scored by the CRM, one by one or as a job."""

import json

from fastmcp import Context
from fastmcp.tools import tool
from sqlalchemy import select

from mcp_swarm import database, http
from server.app.models import Base, Lead
from server.config import settings

database.declare(Base.metadata)


@tool
async def add_lead(name: str) -> int:
    """Add a lead; returns how many there are."""
    async with database.session() as session:
        session.add(Lead(name=name))
        await session.flush()
        return len((await session.execute(select(Lead))).all())


@tool(annotations={"readOnlyHint": True})
async def score_lead(name: str) -> int:
    """Ask the CRM how likely a lead is to buy, from 0 to 100."""
    mine = settings()
    token = {"Authorization": f"Bearer {mine.crm_token.get_secret_value()}"}
    crm = http.client(mine.crm_url, token)
    answer = await crm.request("GET", f"{mine.crm_url}/scores/{name}")
    return int(json.loads(answer.content)["score"])


@tool(task=True, timeout=600)
async def score_all(ctx: Context, names: list[str]) -> int:
    """Ask the CRM about many leads; returns the sum. A caller may have it run as a job."""
    total = 0
    for done, name in enumerate(names, start=1):
        total += await score_lead(name)
        await ctx.report_progress(done, len(names), name)
    return total
