"""What a tool returns becomes the same result in one pass as in FastMCP's two."""

import inspect
from datetime import UTC, datetime
from typing import Any

import pytest
from fastmcp.tools import FunctionTool, Tool
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from mcp_swarm.framework.results import Once


class Row(BaseModel):
    """A row of a result."""

    number: int
    at: datetime


AT = datetime(2026, 1, 2, tzinfo=UTC)


def plain() -> dict[str, Any]:
    return {"rows": [{"number": 1, "text": "ü 😀"}], "none": None}


def typed() -> dict[str, Row]:
    return {"first": Row(number=1, at=AT)}


def odd() -> dict[Any, Any]:
    return {1: AT, "nan": float("nan"), "set": {3}, "bytes": b"x"}


def wrapped() -> int:
    return 3


def listed() -> list[dict[str, int]]:
    return [{"a": 1}]


def nothing() -> None:
    return None


def unannotated():  # type: ignore[no-untyped-def]
    return {"a": (1, 2)}


ALL = (plain, typed, odd, wrapped, listed, nothing, unannotated)


@pytest.mark.parametrize("function", ALL, ids=lambda function: function.__name__)
async def test_the_result_is_the_same(function):
    """Text, structure, meta and flags, for values that are plain and that are not."""
    tool = Tool.from_function(function)
    theirs, ours = await tool.run({}), await Once(tool).run({})
    assert type(ours) is type(theirs)
    assert repr(ours) == repr(theirs)
    assert ours._raw_mcp_result is theirs._raw_mcp_result is None


async def test_what_cannot_be_written_fails_in_the_same_words():
    """A dict that no JSON can hold."""

    def broken() -> dict[str, Any]:
        return {"a": b"\xff"}

    tool = Tool.from_function(broken)
    with pytest.raises(PydanticSerializationError) as theirs:
        await tool.run({})
    with pytest.raises(PydanticSerializationError) as ours:
        await Once(tool).run({})
    assert str(ours.value) == str(theirs.value)


def test_fastmcp_runs_a_tool_and_then_converts_by_the_tools_own_method():
    """Else `Once` would be passed over, without a word."""
    assert "return self.convert_result(result)" in inspect.getsource(FunctionTool.run)


async def test_a_plain_dict_is_copied_once(monkeypatch):
    """The copy is what costs; FastMCP makes two."""
    from fastmcp.tools import base

    from mcp_swarm.framework import results

    copies = []
    copy = base._serialize_to_jsonable

    def counted(*arguments):
        copies.append(arguments)
        return copy(*arguments)

    monkeypatch.setattr(base, "_serialize_to_jsonable", counted)
    monkeypatch.setattr(results, "jsonable", counted)
    tool = Tool.from_function(plain)
    await tool.run({})
    assert len(copies) == 2
    await Once(tool).run({})
    assert len(copies) == 3
