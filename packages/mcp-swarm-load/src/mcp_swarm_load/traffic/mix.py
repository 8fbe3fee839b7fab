"""Picks the next call from kinds of calls with weights.

The kind is drawn by weight. With two eras, calls alternate between them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult

from mcp_swarm_load.traffic.calls import PLAIN, Call, Era, Expectation, Features
from mcp_swarm_load.traffic.values import Constant, Fields, RandomSource, Value, fold_constant

Pick = Callable[[], Call]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of call in a mix. `params` is None until `resolve` reads the tool's schema."""

    method: str
    params: Value | None = None
    weight: float = 1.0
    tool: str | None = None
    """The tool of a `tools/call`. Its parameters are the name and the arguments."""
    era: Era | None = None
    """The only era of this call; None means any."""
    features: Features = PLAIN
    expect: tuple[Expectation, ...] = field(default=())

    @classmethod
    def of_tool(cls, name: str, arguments: Value | None, **others: Any) -> Kind:
        """Returns a call of a tool. Without arguments, `resolve` makes them from the tool's schema."""
        return cls("tools/call", tool_params(name, arguments), tool=name, **others)

    @property
    def label(self) -> str:
        """The kind's name in reports."""
        return f"{self.method} {self.tool}" if self.tool else self.method

    def pick(
        self, source: RandomSource, url: SplitResult, era: Era, options: Mapping[str, Any]
    ) -> Pick:
        """Returns the function that gives the next call of this kind."""
        assert self.params is not None
        sample = self.params.draw(RandomSource(0))  # leaves `source` as it is
        first = Call(
            url,
            era,
            self.method,
            sample,
            features=self.features,
            expect=self.expect,
            **options,
        )
        if isinstance(self.params, Constant):
            return itertools.repeat(first).__next__
        draw = self.params.draw
        return lambda: first.varied(draw(source))


def tool_params(name: str, arguments: Value | None) -> Value | None:
    """Returns the parameters of a tools/call; None without arguments."""
    if arguments is None:
        return None
    return fold_constant(Fields((("name", Constant(name)), ("arguments", arguments))))


def picker(
    kinds: Sequence[Kind],
    eras: Sequence[Era],
    source: RandomSource,
    url: SplitResult,
    **options: Any,
) -> Pick:
    """Returns the function that gives the next call of a mix. `options` go to every Call."""
    by_era = [_of_one_era(kinds, era, source, url, options) for era in eras]
    if len(by_era) == 1:
        return by_era[0]
    # Not by the call's number: with two processes, each would have one era only.
    turns = itertools.islice(itertools.cycle(by_era), source.number % 2, None)

    def pick() -> Call:
        return next(turns)()

    return pick


def _of_one_era(
    kinds: Sequence[Kind],
    era: Era,
    source: RandomSource,
    url: SplitResult,
    options: Mapping[str, Any],
) -> Pick:
    mine = [kind for kind in kinds if kind.era in (None, era)]
    picks = [kind.pick(source, url, era, options) for kind in mine]
    if len(picks) == 1:
        return picks[0]
    bounds = list(itertools.accumulate(kind.weight for kind in mine))
    choices = source.rng.choices

    def pick() -> Call:
        return choices(picks, cum_weights=bounds)[0]()

    return pick
