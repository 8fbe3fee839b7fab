"""The quick check accepts nothing that the full validator refuses."""

import random
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field, TypeAdapter
from typing_extensions import TypedDict

from mcp_swarm.framework.json_schema import quick_check


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Node(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=4)]
    size: Size | None = None
    share: Annotated[float, Field(ge=0, lt=1)] = 0
    children: list["Node"] = []


class Reading(TypedDict, total=False):
    level: float
    flags: dict[str, bool]


class Closed(BaseModel, extra="forbid"):
    number: Annotated[int, Field(gt=0, le=3)]
    pair: tuple[int, str]


COMPILED: list[Any] = [
    Node, Reading, Closed, dict[str, float], list[Node], int | str | None, bytes, bool, Size,
    Literal["a", "b"], dict[str, list[int]], list[Any], tuple[bool, None], float,
]  # fmt: skip
# Left to the full validator: numbers that are equal and not the same, sets, patterns.
NOT_COMPILED: list[Any] = [Literal[1, True], set[int], Annotated[str, Field(pattern="^a")]]

LEAVES: list[Any] = [
    None, True, False, 0, 1, 3, 4, -1, 0.5, 1.0, 1.5, 1e300, float("nan"), float("inf"), 10**30,
    "", "a", "small", "abcde", "\ud800",
]  # fmt: skip
KEYS = ["name", "size", "share", "children", "level", "flags", "number", "pair", "result"]


def schema(annotation: Any) -> dict[str, Any]:
    made = TypeAdapter(annotation).json_schema(mode="serialization")
    shared = {"$defs": made.pop("$defs")} if "$defs" in made else {}
    return {"type": "object", "properties": {"result": made}, "required": ["result"], **shared}


def value(draw: random.Random, depth: int = 0) -> Any:
    kind = draw.random()
    if kind < 0.25 and depth < 3:
        return {key: value(draw, depth + 1) for key in draw.sample(KEYS, draw.randint(0, 4))}
    if kind < 0.45 and depth < 3:
        return [value(draw, depth + 1) for _ in range(draw.randint(0, 3))]
    return draw.choice(LEAVES)


@pytest.mark.parametrize("annotation", COMPILED, ids=str)
def test_what_the_quick_check_accepts_conforms(annotation):
    """Drawn values; the control is that it accepts some, and refuses some."""
    made = schema(annotation)
    quick, full, draw = quick_check(made), Draft202012Validator(made), random.Random(1)
    assert quick
    near = [_near(made["properties"]["result"], made, draw) for _ in range(1000)]
    drawn = [{"result": one} for one in [*near, *(value(draw) for _ in range(1000))]]
    accepted = [one for one in drawn if quick(one)]
    assert all(full.is_valid(one) for one in accepted)
    assert not any(isinstance(one["result"], float) and one["result"] != one["result"]
                   for one in accepted if annotation is float)  # fmt: skip
    assert 0 < len(accepted) <= len(drawn)


def _near(part: dict[str, Any], root: dict[str, Any], draw: random.Random) -> Any:
    """A value that mostly has the schema's shape."""
    if draw.random() < 0.1:
        return value(draw, 2)
    if reference := part.get("$ref"):
        return _near(root["$defs"][reference.rpartition("/")[2]], root, draw)
    if "anyOf" in part:
        return _near(draw.choice(part["anyOf"]), root, draw)
    if part.get("type") == "object":
        made = part.get("properties", {"a": part.get("additionalProperties", {})})
        return {name: _near(one, root, draw) for name, one in made.items() if draw.random() < 0.8}
    if "prefixItems" in part:
        return [_near(one, root, draw) for one in part["prefixItems"]]
    if part.get("type") == "array":
        return [_near(part.get("items", {}), root, draw)] if draw.random() < 0.3 else []
    return draw.choice(part.get("enum", LEAVES))


@pytest.mark.parametrize("annotation", NOT_COMPILED, ids=str)
def test_what_is_not_compiled_has_no_quick_check(annotation):
    assert quick_check(schema(annotation)) is None


@pytest.mark.parametrize(
    "part",
    [{"not": {}}, {"allOf": []}, {"$ref": "https://example.com/a"}, {"type": "integer", "x": 1},
     False, {"type": ["string", "null"], "minLength": 1}, {"const": 1}, {"type": "thing"}],
)  # fmt: skip
def test_an_unknown_rule_is_never_left_out(part):
    assert quick_check({"type": "object", "properties": {"a": part}}) is None
