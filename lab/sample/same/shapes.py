"""What a tool may return, and in which ways it may fail."""

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import mcp_types as types
from fastmcp import Context
from fastmcp.exceptions import ToolError
from fastmcp.server.auth import require_scopes
from fastmcp.server.dependencies import get_access_token, get_http_headers
from fastmcp.tools import tool
from fastmcp.tools.base import ToolResult
from fastmcp.utilities.types import Image
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel

from mcp_swarm import ask


class Colour(enum.Enum):
    RED = "red"


class Model(BaseModel):
    name: str
    at: datetime
    price: Decimal
    colour: Colour = Colour.RED
    nothing: str | None = None


@dataclass
class Record:
    number: int
    parts: list["Record"]


@tool
async def a_model() -> Model:
    return Model(name="ä €\u2028", at=datetime(2026, 1, 2, tzinfo=UTC), price=Decimal("1.50"))


@tool
async def a_record() -> Record:
    return Record(1, [Record(2, [])])


@tool
async def anything(kind: str) -> Any:
    return {
        "none": None,
        "true": True,
        "number": 1.5,
        "not-a-number": float("nan"),
        "endless": [float("inf"), -float("inf")],
        "text": 'quotes " \\ \x00 \x7f 😀',
        "empty": "",
        "list": [1, None, {"a": None}],
        "dict": {"": None, "ü": [{}], "deep": {"a": {"b": {"c": [[]]}}}},
        "keys": {1: "one", None: "none"},
        "bytes": b"\xff\x00",
        "set": {1},
        "big": 10**30,
        "surrogate": "\ud800",
        "blocks": [types.TextContent(type="text", text="a"), "b", 3],
        "link": types.ResourceLink(type="resource_link", name="n", uri="data://x"),
        "noted": types.TextContent(
            type="text", text="a", annotations=types.Annotations(audience=["user"])
        ),
        "described": types.TextContent(type="text", text="a", _meta={"k": 1}),
        "image": Image(data=b"\x89PNG", format="png"),
        "result": ToolResult("text", structured_content={"b": 1, "a": None}, meta={"m": [1]}),
        "no": ToolResult("no", is_error=True),
        "object": object(),
    }[kind]


@tool
async def failing(kind: str) -> int:
    raise {
        "told": ToolError("this is told: ä"),
        "bug": ValueError("the password is hunter2"),
        "protocol": MCPError(-31999, "an error of the protocol", {"k": None}),
        "bare": MCPError(-31999, "without data"),
        "capability": MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, "needs sampling"),
        "late": TimeoutError("late"),
        "group": ExceptionGroup("several", [ToolError("a"), ValueError("b")]),
    }[kind]


@tool
async def validates() -> int:
    return Model.model_validate({"name": 3}).price  # type: ignore[return-value]


@tool
def in_a_thread(a: int, b: list[int] | None = None, *, flag: bool = False) -> dict[str, Any]:
    return {"a": a, "b": b, "flag": flag}


@tool(timeout=5)
async def limited(colour: Colour, at: datetime | None = None) -> str:
    return f"{colour} {at}"


@tool(output_schema=None)
async def unschemed(ctx: Context) -> dict[str, Any]:
    await ctx.report_progress(1, 2, "half")
    await ctx.info("a line")
    await ctx.set_state("k", 1, serializable=False)
    return {
        "k": await ctx.get_state("k"),
        "request": ctx.request_id,
        "headers": {k: v for k, v in get_http_headers().items() if k.startswith("x-own")},
        "client": bool(ctx.session.client_params),
        "capabilities": str(ctx.session.client_capabilities),
        "version": ctx.session.protocol_version,
        "responses": str(ctx.input_responses),
        "meta": sorted((ctx.request_context.meta or {}) if ctx.request_context else {}),
    }


@tool(auth=require_scopes("admin"))
async def only_for_admins() -> str:
    token = get_access_token()
    return f"{token.client_id} {token.scopes}" if token else "nobody"


@tool
async def asks_here(ctx: Context) -> str:
    return str(await ctx.elicit("Really?", response_type=str))


@tool
async def asks(ctx: Context) -> str:
    return str(await ask.form(ctx, "name", "Your name?", Named))


class Named(BaseModel):
    name: str


@tool(description="")
async def bare() -> None:
    return None
