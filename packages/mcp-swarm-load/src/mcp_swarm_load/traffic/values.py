"""Values of arguments: constants, and values that are drawn for each call.

All values come from one seeded source, so a run can be repeated. Each worker process has its own
source, and sequences of different processes never give the same number.
"""

from __future__ import annotations

import json
import random
import string
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mcp_swarm_load.traffic.arguments import arguments_for

_LETTERS = string.ascii_lowercase + "     "


@dataclass(slots=True)
class RandomSource:
    """The random generator and the counters of process `number` of `of`."""

    seed: int
    number: int = 0
    of: int = 1
    rng: random.Random = field(init=False)
    _counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.seed}/{self.number}")  # noqa: S311  no secret

    def count(self, name: str) -> int:
        """Returns 0, 1, 2… for each name, without the numbers of the other processes."""
        turn = self._counts.get(name, 0)
        self._counts[name] = turn + 1
        return self.number + turn * self.of


class Value(Protocol):
    """A source of an argument's value."""

    def draw(self, source: RandomSource) -> Any:
        """Returns the JSON value for the next call."""


@dataclass(frozen=True, slots=True)
class Constant:
    value: Any

    def draw(self, source: RandomSource) -> Any:
        """Returns the same value for every call."""
        return self.value


@dataclass(frozen=True, slots=True)
class Choice:
    values: tuple[Value, ...]

    def draw(self, source: RandomSource) -> Any:
        """Returns one of the values, each with equal probability."""
        return source.rng.choice(self.values).draw(source)


@dataclass(frozen=True, slots=True)
class Integer:
    low: int
    high: int

    def draw(self, source: RandomSource) -> Any:
        """Returns a whole number from low to high, both included."""
        return source.rng.randint(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Text:
    low: int
    high: int

    def draw(self, source: RandomSource) -> Any:
        """Returns low to high characters: small letters and spaces, with no space at an end."""
        length = source.rng.randint(self.low, self.high)
        text = "".join(source.rng.choices(_LETTERS, k=length))
        return text.strip().ljust(length, "x")


@dataclass(frozen=True, slots=True)
class Uuid:
    def draw(self, source: RandomSource) -> Any:
        """Returns a random UUID (version 4) as text."""
        return str(uuid.UUID(int=source.rng.getrandbits(128), version=4))


@dataclass(frozen=True, slots=True)
class Counter:
    name: str
    start: int = 1

    def draw(self, source: RandomSource) -> Any:
        """Returns the next number, which no other call of the run gets."""
        return self.start + source.count(self.name)


@dataclass(frozen=True, slots=True)
class Joined:
    parts: tuple[Value, ...]

    def draw(self, source: RandomSource) -> Any:
        """Returns the parts as one text."""
        return "".join(_as_text(part.draw(source)) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Json:
    value: Value

    def draw(self, source: RandomSource) -> Any:
        """Returns the value as JSON text."""
        return json.dumps(self.value.draw(source), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Items:
    values: tuple[Value, ...]

    def draw(self, source: RandomSource) -> Any:
        """Returns a list of drawn values."""
        return [value.draw(source) for value in self.values]


@dataclass(frozen=True, slots=True)
class Fields:
    values: tuple[tuple[str, Value], ...]

    def draw(self, source: RandomSource) -> Any:
        """Returns an object of drawn values."""
        return {name: value.draw(source) for name, value in self.values}


def fold_constant(value: Value) -> Value:
    """Returns a constant if the value is the same for every call, else the value itself."""
    match value:
        case Items(values) | Joined(values) if _all_constant(values):
            return Constant(value.draw(RandomSource(0)))
        case Fields(pairs) if _all_constant([each for _, each in pairs]):
            return Constant(value.draw(RandomSource(0)))
        case Json(Constant()):
            return Constant(value.draw(RandomSource(0)))
    return value


def _all_constant(values: Sequence[Value]) -> bool:
    return all(isinstance(each, Constant) for each in values)


def from_schema(schema: dict[str, Any]) -> Value:
    """Returns the arguments that a tool's input schema requires, the same for every call."""
    return Constant(arguments_for(schema))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
