"""Figures of a histogram and of counts, as a document shows them."""

from __future__ import annotations

from typing import Any

from mcp_swarm_load.measure.stats import QUANTILES, Histogram


def figures(histogram: Histogram) -> dict[str, Any]:
    """Count and milliseconds; null for a percentile that the sample does not carry."""
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
    """Milliseconds, to a tenth of a microsecond."""
    return round(nanoseconds / 1e6, 4)


def seconds_of(nanoseconds: int) -> float:
    """Seconds, to a millisecond."""
    return round(nanoseconds / 1e9, 3)


def truncated_percent(part: int, whole: int) -> float:
    """Percent with two decimals, cut off; 0.0 of nothing."""
    return part * 10_000 // whole / 100 if whole else 0.0
