"""Tools that show what became of a call; mounted into a deployed replica's tools folder."""

import asyncio
from typing import Annotated

from fastmcp import Context
from fastmcp.resources import resource
from fastmcp.tools import tool
from mcp.server.subscriptions import ResourceUpdated
from pydantic import Field
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from mcp_swarm import ask, database, publish
from server.config import settings

Run = Annotated[str, Field(description="Whose effects: one name a test.")]
PAUSE = 0.25
NEWS = "probe://news"


class Base(DeclarativeBase):
    pass


class Effect(Base):
    """One row for each time that a tool's body did what must not be done twice."""

    __tablename__ = "probe_effects"
    id: Mapped[int] = mapped_column(primary_key=True)
    run: Mapped[str]
    replica: Mapped[str]


database.declare(Base.metadata)


@tool(annotations={"readOnlyHint": True})
async def count_reading(steps: int, ctx: Context) -> str:
    """Counts slowly and tells each step and replica; reads only, so it may run again."""
    return await _count(steps, ctx)


@tool(annotations={"readOnlyHint": False, "idempotentHint": False})
async def count_writing(run: Run, steps: int, ctx: Context) -> str:
    """Leaves one effect, then counts slowly; must never run twice."""
    await _leave(run)
    return await _count(steps, ctx)


@tool(annotations={"readOnlyHint": True})
async def effects(run: Run) -> int:
    """How many effects there are."""
    async with database.session() as session:
        found = select(func.count()).select_from(Effect).where(Effect.run == run)
        return int(await session.scalar(found) or 0)


@tool
async def confirm(run: Run, ctx: Context) -> str:
    """Leaves one effect if the user is sure; the replica that did it."""
    if not await ask.confirm(ctx, "sure", "Really?"):
        return "not done"
    await _leave(run)
    return settings().mcp_replica


@tool
async def keep(value: str, ctx: Context) -> str:
    """Keeps a value for this session; the replica that took it."""
    await ctx.set_state("kept", value)
    return settings().mcp_replica


@tool(annotations={"readOnlyHint": True})
async def kept(ctx: Context) -> list[str]:
    """What was kept for this session, and the replica that tells it."""
    return [str(await ctx.get_state("kept")), settings().mcp_replica]


@tool
async def tell(first: int, last: int, ctx: Context) -> str:
    """Sends numbered messages that belong to no call: they come on the session's GET stream."""
    for number in range(first, last + 1):
        await ctx.session.send_log_message(level="info", data=number, logger="probe")
        await asyncio.sleep(0.02)
    return settings().mcp_replica


@resource(NEWS)
def news() -> str:
    """What a client may listen to."""
    return "nothing new"


@tool
async def touch() -> str:
    """Says that the news have changed."""
    await publish(ResourceUpdated(uri=NEWS))
    return settings().mcp_replica


async def _count(steps: int, ctx: Context) -> str:
    replica = settings().mcp_replica
    for step in range(1, steps + 1):
        await ctx.report_progress(step, steps, replica)
        await asyncio.sleep(PAUSE)
    return replica


async def _leave(run: str) -> None:
    async with database.session() as session:
        session.add(Effect(run=run, replica=settings().mcp_replica))
