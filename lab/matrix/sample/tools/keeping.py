"""Tools that keep something from one call to the next."""

from fastmcp import Context
from fastmcp.server.sessions import SessionId, UserSession, get_session
from fastmcp.tools import tool


@tool
async def keep(ctx: Context, value: str) -> str:
    """Keep `value` in the session."""
    await ctx.set_state("value", value)
    return "kept"


@tool
async def kept(ctx: Context) -> str:
    """What this session keeps."""
    return str(await ctx.get_state("value"))


@tool
async def remember(fact: str, session: UserSession) -> str:
    """Keep `fact` for this caller, whatever the session."""
    await session.set("fact", fact)
    return "kept"


@tool
async def recall(session: UserSession) -> str:
    """What was kept for this caller."""
    return str(await session.get("fact", "nothing"))


@tool
async def put(session_id: SessionId, value: str) -> str:
    """Keep `value` under an id that the caller brings."""
    state = await get_session(session_id)
    await state.set("value", value)
    return "kept"


@tool
async def take(session_id: SessionId) -> str:
    """What is kept under the id."""
    state = await get_session(session_id)
    return str(await state.get("value", "nothing"))
