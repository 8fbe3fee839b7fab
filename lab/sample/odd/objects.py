"""Objects that JSON has no form for, as results and in what is said on the way."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from fastmcp import Context
from fastmcp.prompts import Message, prompt
from fastmcp.resources import ResourceContent, ResourceResult, resource
from fastmcp.tools import tool
from fastmcp.tools.base import ToolResult


class Ledger:
    """Nothing but an object."""


class Money:
    """One that says what it is."""

    def __str__(self) -> str:
        return "3.50 EUR"


class Shy:
    """One that does not even say that."""

    def __str__(self) -> str:
        raise RuntimeError("hunter2")


@dataclass
class Entry:
    """A value."""

    day: dt.date
    file: PurePosixPath


RETURNED: dict[str, Callable[[], Any]] = {
    "object": Ledger,
    "in a list": lambda: [1, Ledger()],
    "in a dict": lambda: {"ledger": Ledger()},
    "deep": lambda: {"ledgers": [{"first": Ledger()}]},
    "function": lambda: _circle,
    "class in a tuple": lambda: (Ledger().__init__,),
    "result": lambda: ToolResult(Ledger()),
    "shy": Shy,
}


@tool
async def gives(what: str) -> Any:
    """An object, by itself or inside of something."""
    return RETURNED[what]()


@tool
async def gives_unannotated():
    """The same where nothing is said of the type."""
    return Ledger()


@tool
async def gives_a_dict() -> dict[str, Any]:
    """The same with an output schema."""
    return {"ledger": Ledger()}


@tool
async def gives_values() -> list[Any]:
    """Objects that have a text or a form in JSON."""
    return [Money(), Entry(dt.date(2026, 7, 28), PurePosixPath("a/b"))]


@resource("odd://object")
async def ledger() -> ResourceResult:
    """A resource."""
    return ResourceResult([ResourceContent({"ledger": Ledger()})])


@prompt
async def about_a_ledger() -> list[Message]:
    """A prompt."""
    return [Message({"ledger": Ledger()})]


def _circle() -> dict[str, Any]:
    made: dict[str, Any] = {}
    made["again"] = made
    return made


EXTRA: dict[str, Callable[[], Any]] = {
    "error": lambda: ValueError("no such ledger"),
    "deep": lambda: {"causes": [{"first": ValueError("no such ledger")}]},
    "object": Ledger,
    "circle": _circle,
    "shy": Shy,
    "key": lambda: {(1, Ledger()): 1},
    "bytes": lambda: b"\xff",
    "nan": lambda: float("nan"),
}


@tool
async def warns_of(ctx: Context, what: str) -> str:
    """Say something with an object beside it, by the context and by the session."""
    await ctx.warning("it failed", extra={"error": EXTRA[what]()})
    await ctx.session.send_log_message("warning", {"error": EXTRA[what]()})
    return "warned"
