"""Leads: kept in the database, scored by the CRM."""

import json

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
