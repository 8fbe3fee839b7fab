"""Converts histograms and counts to the figures of a document."""

from __future__ import annotations

from typing import Any

from mcp_swarm_load.measure.stats import QUANTILES, Histogram


def figures(histogram: Histogram) -> dict[str, Any]:
    """Returns count and milliseconds. A percentile that the sample is too small for is null."""
    return {
        "n": histogram.count,
        "min": ms(histogram.minimum),
        "avg": ms(histogram.mean),
        **{
            name: ms(histogram.quantile(hundredths)) if histogram.carries(hundredths) else None
            for name, hundredths in QUANTILES.items()
        },
        "max": ms(histogram.maximum),
    }


def ms(nanoseconds: float) -> float:
    """Returns milliseconds, rounded to a tenth of a microsecond."""
    return round(nanoseconds / 1e6, 4)


def seconds_of(nanoseconds: int) -> float:
    """Returns seconds, rounded to a millisecond."""
    return round(nanoseconds / 1e9, 3)


def truncated_percent(part: int, whole: int) -> float:
    """Returns percent, rounded down to two decimals; 0.0 if `whole` is 0."""
    return part * 10_000 // whole / 100 if whole else 0.0
