"""What a proof gives back, and how it is written down."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """One claim as it was just seen.

    Attributes:
        claim: what was to be shown, a sentence.
        holds: whether it was seen.
        figures: what was measured, name → value with its unit.
        transcript: commands and their output, if they tell more than figures.
        numbers: for pages that reckon with what was measured; JSON.
    """

    claim: str
    holds: bool
    figures: dict[str, str] = field(default_factory=dict)
    transcript: str = ""
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Proof:
    """A proof by name: `run(short)` gives its outcomes."""

    name: str
    run: Callable[[bool], list[Outcome]]


def markdown(name: str, outcomes: list[Outcome]) -> str:
    """One section of docs/proofs.md."""
    lines = [f"## {name}", ""]
    for outcome in outcomes:
        lines += [f"**{'✓' if outcome.holds else '✗'} {outcome.claim}**", ""]
        if outcome.figures:
            lines += ["| figure | value |", "|---|---|"]
            lines += [f"| {key} | {value} |" for key, value in outcome.figures.items()]
            lines.append("")
        if outcome.transcript:
            lines += ["```console", outcome.transcript.rstrip(), "```", ""]
    return "\n".join(lines)
