"""Typed arguments, required and not."""

from datetime import date
from typing import Annotated, Literal

from fastmcp.prompts import prompt
from fastmcp.resources import resource
from fastmcp.tools import tool
from pydantic import Field


@prompt
async def report(town: str, since: date, rows: int = Field(5, ge=1, le=9)) -> str:
    return f"{town} since {since}: {rows}"


@prompt
def greeting(kind: Literal["short", "long"] = "short") -> str:
    return kind


@prompt
async def failing(town: str) -> str:
    raise ValueError(f"the password of {town} is hunter2")


@resource("year://{year}/{part}")
async def year(year: Annotated[int, Field(ge=1900)], part: Literal["spring", "autumn"]) -> str:
    return f"{part} {year}"


@resource("switch://{on}{?level}")
def switch(on: bool, level: float = 1) -> str:
    return f"{on} {level}"


@resource("fails://{name}")
async def fails(name: str) -> str:
    raise ValueError(f"the password of {name} is hunter2")


@tool
async def letter(to: str, lines: list[str] | None = None) -> str:
    return f"{to}: {lines}"


@tool
def stamp(on: str) -> str:
    return on
