"""Tools that keep something for their caller from one call to the next."""

import asyncio

from fastmcp.server.sessions import UserSession
from fastmcp.tools import tool

from mcp_swarm import update


@tool
async def remember(fact: str, session: UserSession) -> str:
    """Keep `fact` for this caller."""
    await session.set("fact", fact)
    return "kept"


@tool
async def recall(session: UserSession) -> str:
    """Give back what was kept for this caller."""
    return str(await session.get("fact", "nothing"))


@tool
async def keep(key: str, value: str, session: UserSession) -> str:
    """Keep `value` under `key` for this caller."""
    await session.set(key, value)
    return "kept"


@tool
async def kept(keys: list[str], session: UserSession) -> dict[str, str | None]:
    """What is kept under each of `keys`."""
    return {key: await session.get(key) for key in keys}


@tool
async def forget(session: UserSession, key: str | None = None) -> str:
    """Forget one key, or everything."""
    await (session.clear() if key is None else session.delete(key))
    return "forgotten"


@tool
async def visit(session: UserSession) -> int:
    """How often this caller has been here."""
    return await update(session, "visits", lambda before: (before or 0) + 1)


@tool
async def visit_carelessly(session: UserSession) -> int:
    """The same, without care."""
    visits = await session.get("visits", 0) + 1
    await asyncio.sleep(0.2)  # long enough for others to come in between
    await session.set("visits", visits)
    return visits
