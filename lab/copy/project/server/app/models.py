"""Leads, in a schema of their own."""

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Tables of this service."""


class Lead(Base):
    """Somebody who may buy."""

    __tablename__ = "lead"
    __table_args__ = {"schema": "crm"}  # noqa: RUF012 - SQLAlchemy's own form
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
