"""Colour, bars and numbers for the terminal; colour only where it can be seen and is wanted."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TextIO

_CODES = {"good": "32", "bad": "31", "warn": "33", "head": "1", "dim": "2"}
DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"

_EIGHTHS = " ▏▎▍▌▋▊▉"
_LEVELS = "▁▂▃▄▅▆▇█"


class Paint:
    """Wraps text in ANSI colour codes, or leaves it alone."""

    def __init__(self, colour: bool) -> None:
        self.colour = colour

    def __call__(self, style: str, text: str) -> str:
        """`style` is one of good, bad, warn, head, dim."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.colour else text


def wants_colour(stream: TextIO) -> bool:
    """Colour on a terminal, unless NO_COLOR (https://no-color.org) or TERM=dumb says otherwise."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def bar(part: float, whole: float, width: int) -> str:
    """A bar of `width` characters at most, to an eighth of a character."""
    eighths = round(8 * width * part / whole) if whole else 0
    if part and not eighths:
        eighths = 1
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def sparkline(values: list[float], width: int) -> str:
    """Values as a row of block characters; neighbours are averaged where there are too many."""
    if len(values) > width:
        cuts = [round(i * len(values) / width) for i in range(width + 1)]
        values = [sum(values[low:high]) / (high - low) for low, high in pairwise(cuts)]
    top = max(values, default=0.0)
    return "".join(_LEVELS[min(7, int(8 * value / top))] if top else _LEVELS[0] for value in values)


def milliseconds(value: float | None) -> str:
    """Three digits that matter, in milliseconds; a dash for what is not known."""
    if value is None:
        return DASH
    if value >= 100:
        return thousands(round(value))
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def thousands(value: int) -> str:
    """A whole number with thin groups: 12 345."""
    return f"{value:,}".replace(",", " ")


def shortened(text: str, width: int) -> str:
    """Text cut to `width` characters, an ellipsis for the rest."""
    return text if len(text) <= width else text[: width - 1] + "…"
