"""Gauges: what a part of the process holds right now, by name.

A part counts what it holds anyway; a reader asks when it wants to know. No thread, nothing per call.
"""

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Measured(Protocol):
    """A part that tells its figures."""

    def gauges(self) -> dict[str, float]:
        """Returns each figure by its name, which no other part uses."""


def read(parts: Iterable[Any]) -> dict[str, float]:
    """Returns the figures of all `parts` that have any."""
    found: dict[str, float] = {}
    for part in parts:
        if isinstance(part, Measured):
            found |= part.gauges()
    return found
