"""A tool that needs a table, so that the server needs its database."""

from fastmcp.tools import tool
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from mcp_swarm import database


class Base(DeclarativeBase):
    """Of this file's tables."""


class Note(Base):
    __tablename__ = "notes"
    text: Mapped[str] = mapped_column(primary_key=True)


async def _seed(session: AsyncSession) -> None:
    session.add(Note(text="seeded"))


database.declare(Base.metadata, seed=_seed)


@tool
async def notes() -> list[str]:
    """All notes."""
    async with database.session() as session:
        return list(await session.scalars(select(Note.text).order_by(Note.text)))


@tool
async def write_note(text: str, then_fail: bool = False) -> str:
    """Write a note; fail afterwards if asked to."""
    async with database.session() as session:
        session.add(Note(text=text))
        await session.flush()
        if then_fail:
            raise RuntimeError("after the write")
    return "written"
