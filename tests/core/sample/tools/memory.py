"""Tools that keep something for their caller from one call to the next."""

from fastmcp.server.sessions import UserSession
from fastmcp.tools import tool


@tool
async def remember(fact: str, session: UserSession) -> str:
    """Keep `fact` for this caller."""
    await session.set("fact", fact)
    return "kept"


@tool
async def recall(session: UserSession) -> str:
    """Give back what was kept for this caller."""
    return str(await session.get("fact", "nothing"))
