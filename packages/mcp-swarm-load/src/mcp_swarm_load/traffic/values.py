"""Arguments made anew for each call: constants, and values drawn from what a scenario names.

Everything is drawn from one seeded source, so a run can be repeated; worker processes draw from
sources of their own, and their sequences never give the same number.
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
    """What values are drawn from: one of `of` processes' rng and counters."""

    seed: int
    number: int = 0
    of: int = 1
    rng: random.Random = field(init=False)
    _counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.seed}/{self.number}")  # noqa: S311  no secret

    def count(self, name: str) -> int:
        """0, 1, 2… for each name, without the numbers of the other processes."""
        turn = self._counts.get(name, 0)
        self._counts[name] = turn + 1
        return self.number + turn * self.of


class Value(Protocol):
    """Something that gives an argument's value."""

    def draw(self, source: RandomSource) -> Any:
        """The value for the next call, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Constant:
    value: Any

    def draw(self, source: RandomSource) -> Any:
        """Always the same."""
        return self.value


@dataclass(frozen=True, slots=True)
class Choice:
    values: tuple[Value, ...]

    def draw(self, source: RandomSource) -> Any:
        """One of them, each as likely as the others."""
        return source.rng.choice(self.values).draw(source)


@dataclass(frozen=True, slots=True)
class Integer:
    low: int
    high: int

    def draw(self, source: RandomSource) -> Any:
        """A whole number from low to high, both included."""
        return source.rng.randint(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Text:
    low: int
    high: int

    def draw(self, source: RandomSource) -> Any:
        """Small letters and spaces, low to high characters, none of them at an end a space."""
        length = source.rng.randint(self.low, self.high)
        text = "".join(source.rng.choices(_LETTERS, k=length))
        return text.strip().ljust(length, "x")


@dataclass(frozen=True, slots=True)
class Uuid:
    def draw(self, source: RandomSource) -> Any:
        """A random UUID (version 4) as text."""
        return str(uuid.UUID(int=source.rng.getrandbits(128), version=4))


@dataclass(frozen=True, slots=True)
class Counter:
    name: str
    start: int = 1

    def draw(self, source: RandomSource) -> Any:
        """The next number: no other call of the run gets it."""
        return self.start + source.count(self.name)


@dataclass(frozen=True, slots=True)
class Joined:
    parts: tuple[Value, ...]

    def draw(self, source: RandomSource) -> Any:
        """The parts as one text."""
        return "".join(_as_text(part.draw(source)) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Json:
    value: Value

    def draw(self, source: RandomSource) -> Any:
        """The value as JSON text."""
        return json.dumps(self.value.draw(source), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Items:
    values: tuple[Value, ...]

    def draw(self, source: RandomSource) -> Any:
        """A list of what its values give."""
        return [value.draw(source) for value in self.values]


@dataclass(frozen=True, slots=True)
class Fields:
    values: tuple[tuple[str, Value], ...]

    def draw(self, source: RandomSource) -> Any:
        """An object of what its values give."""
        return {name: value.draw(source) for name, value in self.values}


def fold_constant(value: Value) -> Value:
    """A constant, where the value is the same for every call."""
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
    """The arguments that a tool's input schema requires: the same for every call."""
    return Constant(arguments_for(schema))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
