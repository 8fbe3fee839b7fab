"""Formats colour, bars and numbers for the terminal."""

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
    """Wraps text in ANSI colour codes, or returns it unchanged without colour."""

    def __init__(self, colour: bool) -> None:
        self.colour = colour

    def __call__(self, style: str, text: str) -> str:
        """Returns the text in a style: good, bad, warn, head or dim."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.colour else text


def wants_colour(stream: TextIO) -> bool:
    """Returns whether to use colour: on a terminal, unless NO_COLOR (https://no-color.org) or
    TERM=dumb is set.
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def bar(part: float, whole: float, width: int) -> str:
    """Returns a bar of at most `width` characters, exact to an eighth of a character."""
    eighths = round(8 * width * part / whole) if whole else 0
    if part and not eighths:
        eighths = 1
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def sparkline(values: list[float], width: int) -> str:
    """Returns values as a row of block characters. Averages neighbours if there are too many."""
    if len(values) > width:
        cuts = [round(i * len(values) / width) for i in range(width + 1)]
        values = [sum(values[low:high]) / (high - low) for low, high in pairwise(cuts)]
    top = max(values, default=0.0)
    return "".join(_LEVELS[min(7, int(8 * value / top))] if top else _LEVELS[0] for value in values)


def milliseconds(value: float | None) -> str:
    """Returns milliseconds with three significant digits; a dash for an unknown value."""
    if value is None:
        return DASH
    if value >= 100:
        return thousands(round(value))
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def thousands(value: int) -> str:
    """Returns a whole number with groups of three digits: 12 345."""
    return f"{value:,}".replace(",", " ")


def shortened(text: str, width: int) -> str:
    """Returns text of at most `width` characters, with an ellipsis for the rest."""
    return text if len(text) <= width else text[: width - 1] + "…"
