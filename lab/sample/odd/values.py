"""NaN, lone surrogates, and results that break their output schema."""

import json
from typing import Annotated, Any, Literal

from fastmcp import Context
from fastmcp.exceptions import ToolError
from fastmcp.prompts import Message, prompt
from fastmcp.resources import resource
from fastmcp.tools import tool
from fastmcp.tools.base import ToolResult
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

NAN, INFINITY = float("nan"), float("inf")
HALF = "a\ud83db"  # the first half of a surrogate pair, alone


@tool
async def loose_numbers() -> dict[str, Any]:
    """No schema says that these are numbers."""
    return {"mean": NAN, "list": [INFINITY, -INFINITY, 1.5]}


@tool
async def optional_numbers() -> dict[str, float | None]:
    return {"mean": NAN, "count": 3.0}


@tool
async def strict_numbers() -> dict[str, float]:
    return {"mean": NAN, "count": 3.0}


class Reading(TypedDict):
    station: str
    level: float


@tool
async def other_keys() -> Reading:
    return {"name": "Elbe", "value": 2.5}  # type: ignore[typeddict-item]


@tool
async def other_type() -> list[int]:
    return ["seven"]  # type: ignore[list-item]


@tool
async def out_of_bounds() -> Annotated[int, Field(ge=0, le=100)]:
    return 101


class Station(BaseModel):
    name: str
    state: Literal["open", "closed"]


@tool
async def unchecked_model() -> list[Station]:
    return [Station(name="a", state="open"), Station.model_construct(name="b", state="gone")]


@tool
async def nothing_at_all() -> Station:
    return None  # type: ignore[return-value]


@tool(output_schema={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
async def text_alone() -> ToolResult:
    return ToolResult("seven")


@tool
async def its_own_error() -> Reading:
    return ToolResult("the sensor is off", is_error=True)  # type: ignore[return-value]


@tool
async def conforms() -> list[Station]:
    return [Station(name="a", state="open")]


@tool
async def half_a_pair(kind: Literal["text", "dict", "key", "typed", "error", "list"]) -> Any:
    if kind == "error":
        raise ToolError(HALF)
    return {
        "text": HALF,
        "dict": {"name": HALF},
        "key": {HALF: 1},
        "typed": Station(name=HALF, state="open"),
        "list": [HALF, "\ud83d\ude00"],
    }[kind]


@tool
async def half_said(ctx: Context) -> str:
    await ctx.report_progress(1, 2, HALF)
    await ctx.warning(HALF)
    return "said"


@resource("odd://numbers", mime_type="application/json")
async def numbers() -> Any:
    return {"mean": NAN}


@resource("odd://list/{name}", mime_type="application/json")
async def named(name: str) -> Any:
    return [name, INFINITY]


@resource("odd://half")
async def half() -> str:
    return HALF


@prompt
async def numbers_in_words() -> list[Message]:
    return [Message({"mean": NAN}), Message(HALF)]


@tool
async def with_default(level: float = INFINITY) -> str:
    """Its input schema has a default that JSON cannot hold."""
    return json.dumps(level)
