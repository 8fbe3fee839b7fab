"""Parses the ``Accept`` header (RFC 9110 §12.5.1), as far as MCP needs it: JSON and event streams."""

import re
from dataclasses import dataclass

JSON, EVENTS = "application/json", "text/event-stream"

_QUALITY = re.compile(r"(0(\.\d{0,3})?|1(\.0{0,3})?)")


@dataclass(frozen=True)
class Accepted:
    """The quality of each form for the client, from 0 (not acceptable) to 1."""

    json: float
    events: float

    @property
    def streams(self) -> bool:
        """Whether the client accepts event streams, and does not prefer JSON."""
        return 0 < self.events >= self.json


def parse(header: str | None) -> Accepted:
    """Parses `header`. Without one any form is acceptable, and JSON is chosen.

    A more specific range overrides a wider one: ``*/*;q=0.1, application/json`` is 1 for JSON.
    Invalid parts are ignored.
    """
    if header is None or not header.strip():
        return Accepted(json=1.0, events=0.0)
    ranges = dict(filter(None, map(_range, header.split(","))))
    return Accepted(json=_quality(ranges, JSON), events=_quality(ranges, EVENTS))


def _range(part: str) -> tuple[str, float] | None:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            if not _QUALITY.fullmatch(value.strip()):
                return None
            quality = float(value)
    return (name, quality) if name else None


def _quality(ranges: dict[str, float], media_type: str) -> float:
    for name in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if name in ranges:
            return ranges[name]
    return 0.0
