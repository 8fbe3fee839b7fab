"""Draws charts as SVG, without a script, a network or a special font.

Colours come from the page's style sheet, so one drawing suits light and dark. The width is that of
a phone; the browser scales it up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from mcp_swarm_load.report.paint import milliseconds, thousands

WIDTH = 640
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 38, 32
_PLOT = WIDTH - _LEFT - _RIGHT
_HISTOGRAM_HEIGHT, _LINE_HEIGHT = 250, 170
_MAX_POINTS = 300
_TICK_ROOM = 70


def histogram(rows: Sequence[dict[str, Any]], marks: dict[str, float | None]) -> str:
    """Draws counts over latency on a log scale. `marks` are percentiles in ms; None is left out."""
    rows = _trimmed(rows)
    low, high = math.log(rows[0]["from_ms"]), math.log(rows[-1]["to_ms"])
    most = max(row["count"] for row in rows)
    height = _HISTOGRAM_HEIGHT - _TOP - _BOTTOM

    def x(value: float) -> float:
        return _LEFT + _PLOT * (math.log(value) - low) / (high - low)

    parts = _levels(most, _HISTOGRAM_HEIGHT, thousands)
    for row in rows:
        if row["count"]:
            tall = max(1.0, height * row["count"] / most)
            left, right = x(row["from_ms"]), x(row["to_ms"])
            title = (
                f"{milliseconds(row['from_ms'])} to {milliseconds(row['to_ms'])} ms: "
                f"{thousands(row['count'])} calls"
            )
            parts.append(
                f'<rect class="bar" x="{left + 0.5:.1f}" y="{_TOP + height - tall:.1f}" '
                f'width="{max(1.0, right - left - 1):.1f}" height="{tall:.1f}">'
                f"<title>{title}</title></rect>"
            )
    parts += [_tick(at, _HISTOGRAM_HEIGHT, text) for at, text in _decades(rows, x)]
    parts += _marks(marks, x)
    return _svg(_HISTOGRAM_HEIGHT, parts, "Histogram of the latency since due")


def _marks(marks: dict[str, float | None], x: Callable[[float], float]) -> list[str]:
    """Draws a line for each percentile. Names that would overlap alternate between two rows."""
    parts: list[str] = []
    taken = -math.inf
    row = 0
    for name, value in marks.items():
        if not value:
            continue
        at = x(value)
        row = 1 - row if at - taken < 48 else 0
        taken = at
        anchor = "end" if at > WIDTH - 40 else "start"
        shift = -3 if anchor == "end" else 3
        parts.append(
            f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP - 34 + 16 * row}" '
            f'y2="{_HISTOGRAM_HEIGHT - _BOTTOM}"/><text class="marked" x="{at + shift:.1f}" '
            f'y="{_TOP - 20 + 16 * row}" text-anchor="{anchor}">{escape(name)}</text>'
        )
    return parts


def lines(
    times: Sequence[int], values: Mapping[str, Sequence[float | None]], unit: str, title: str
) -> str:
    """Draws a line for each of `values` over `times` in seconds, with a gap for a missing value."""
    times, values = _thinned(times, values)
    known = [value for line in values.values() for value in line if value is not None]
    most = _round_up(max(known, default=0.0) or 1.0)
    height = _LINE_HEIGHT - _TOP - _BOTTOM
    span = max(1, times[-1] - times[0])

    def point(second: int, value: float) -> str:
        across = _LEFT + _PLOT * (second - times[0]) / span
        return f"{across:.1f},{_TOP + height * (1 - value / most):.1f}"

    parts = _levels(most, _LINE_HEIGHT, lambda value: f"{value:g}")
    for number, (name, line) in enumerate(values.items()):
        path: list[str] = []
        open_gap = True
        for second, value in zip(times, line, strict=True):
            if value is not None:
                path.append(("M" if open_gap else "L") + point(second, value))
            open_gap = value is None
        parts.append(f'<path class="line line{number}" d="{" ".join(path)}"/>')
        parts.append(
            f'<text class="legend line{number}" x="{_LEFT + 4 + 110 * number}" '
            f'y="{_TOP - 8}">{escape(name)} {escape(unit)}</text>'
        )
    step = _round_up(span / 6)
    ticks = range(int(times[0]), int(times[-1]) + 1, max(1, int(step)))
    for second in ticks:
        at = _LEFT + _PLOT * (second - times[0]) / span
        parts.append(_tick(at, _LINE_HEIGHT, f"{second} s"))
    return _svg(_LINE_HEIGHT, parts, title)


def _levels(most: float, height: int, written: Callable[[Any], str]) -> list[str]:
    """Draws horizontal rules at 0, half and the maximum."""
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = _TOP + (height - _TOP - _BOTTOM) * (1 - share)
        value = most * share
        number = written(round(value) if value == round(value) or most > 10 else round(value, 2))
        parts.append(
            f'<line class="rule" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="axis" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{number}</text>'
        )
    return parts


def _tick(x: float, height: int, text: str) -> str:
    anchor = "end" if x > WIDTH - 30 else "middle"
    return (
        f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="{height - _BOTTOM}" '
        f'y2="{height - _BOTTOM + 4}"/><text class="axis" x="{x:.1f}" y="{height - 8}" '
        f'text-anchor="{anchor}">{text}</text>'
    )


def _svg(height: int, parts: Sequence[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        + "".join(parts)
        + "</svg>"
    )


def _trimmed(rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Returns the rows without the empty ones at both ends."""
    filled = [number for number, row in enumerate(rows) if row["count"]]
    return rows[filled[0] : filled[-1] + 1]


def _decades(
    rows: Sequence[dict[str, Any]], x: Callable[[float], float]
) -> Iterator[tuple[float, str]]:
    """Yields x and text of round latencies (1, 2, 5, 10 ...) that are far enough apart."""
    low, high = rows[0]["from_ms"], rows[-1]["to_ms"]
    taken = -math.inf
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        for step in (1, 2, 5):
            value = step * 10.0**power
            if low <= value <= high and x(value) - taken > _TICK_ROOM:
                taken = x(value)
                text = f"{value / 1000:g} s" if value >= 1000 else f"{value:g} ms"
                yield taken, text


def _round_up(value: float) -> float:
    """Returns the next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)


def _thinned(
    times: Sequence[int], values: Mapping[str, Sequence[float | None]]
) -> tuple[Sequence[int], Mapping[str, Sequence[float | None]]]:
    """Returns at most _MAX_POINTS points. Of neighbours it keeps the highest, so no spike is lost."""
    if len(times) <= _MAX_POINTS:
        return times, values
    step = math.ceil(len(times) / _MAX_POINTS)
    cuts = range(0, len(times), step)
    return [times[at] for at in cuts], {
        name: [
            max((value for value in line[at : at + step] if value is not None), default=None)
            for at in cuts
        ]
        for name, line in values.items()
    }
