"""A job whose effect is an entry in a ledger, keyed by the job: what was done, and how often begun.

Dropped into server/tools of a test's stack, or served as a package of its own.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from fastmcp.tools import tool
from sqlalchemy import DateTime, Integer, String, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from mcp_swarm import current_job, database
from server.config import settings


class Base(DeclarativeBase):
    pass


class Start(Base):
    __tablename__ = "ledger_start"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    job: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    worker: Mapped[str] = mapped_column(String(64))


class Effect(Base):
    __tablename__ = "ledger_effect"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    job: Mapped[str] = mapped_column(String(64))
    number: Mapped[int] = mapped_column(Integer)


database.declare(Base.metadata)


@tool(task=True)
async def book(number: int, seconds: float, until: str = "", blindly: bool = False) -> int:
    """Works for a while, then books `number`, once for each job; ends once there is the file `until`.

    `blindly` books without looking whether an earlier start of the job did.
    """
    job = current_job()
    if job is None:
        return 0
    async with database.session() as session:
        session.add(Start(job=job.id, at=datetime.now(UTC), worker=settings().mcp_replica))
    await asyncio.sleep(seconds)
    async with database.session() as session:
        # In one transaction: whoever comes second finds it done. No unique key helps it: that
        # there is one row a job is what shall be shown.
        booked = await session.scalar(select(func.count(Effect.id)).where(Effect.job == job.id))
        if blindly or not booked:
            session.add(Effect(job=job.id, number=number))
    while until and not Path(until).exists():  # noqa: ASYNC110, ASYNC240 - another process makes it
        await asyncio.sleep(0.02)
    return number


@tool
async def ledger() -> dict[str, list[list[float | str]]]:
    """All starts (job, when, worker) and all effects (job, number)."""
    async with database.session() as session:
        starts = (await session.scalars(select(Start))).all()
        effects = (await session.scalars(select(Effect))).all()
    return {
        "starts": [[start.job, start.at.timestamp(), start.worker] for start in starts],
        "effects": [[effect.job, effect.number] for effect in effects],
    }
