"""A tool whose state goes by an id that the client keeps, for clients without a name."""

from fastmcp.server.dependencies import get_session
from fastmcp.server.sessions import SessionId
from fastmcp.tools import tool

from mcp_swarm import update


@tool
async def put_in(session_id: SessionId, item: str) -> list[str]:
    """Put `item` into the cart of `session_id`."""
    session = await get_session(session_id)
    return await update(session, "items", lambda items: [*(items or []), item])
