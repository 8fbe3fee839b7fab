"""Latency histograms that merge exactly, with percentiles that the sample size supports.

Buckets are logarithmic with 1,024 steps per octave (HdrHistogram's layout), so any value is stored
to within 0.05 %. The sum of two histograms is exactly the histogram of both samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

SUB_BITS = 10
"""Each power of two has 2**SUB_BITS buckets."""

QUANTILES = {"p50": 5000, "p90": 9000, "p95": 9500, "p99": 9900, "p99.9": 9990}
"""Percentiles in a report, in hundredths of a percent. Whole numbers keep ranks exact."""

MIN_TAIL = 10
"""Minimum number of values above a percentile for it to be shown: p99 needs 1,000 calls."""

_WHOLE = 10_000
_STEPS = 4
_MASK = (1 << (SUB_BITS + 1)) - 1


class Histogram:
    """Counts of non-negative integers, here nanoseconds. Minimum, maximum and sum are exact."""

    __slots__ = ("count", "counts", "maximum", "minimum", "total")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.count = 0
        self.total = 0
        self.minimum = 0
        self.maximum = 0

    def record(self, value: int) -> None:
        """Adds one value. A negative value counts as 0."""
        if value < 0:  # noqa: PLR1730  max() costs more, and this runs for every answer
            value = 0
        shift = value.bit_length() - SUB_BITS - 1
        bucket = value if shift <= 0 else (shift << (SUB_BITS + 1)) + (value >> shift)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        if value > self.maximum:  # noqa: PLR1730
            self.maximum = value
        if value < self.minimum or not self.count:
            self.minimum = value
        self.count += 1
        self.total += value

    def merge(self, other: Histogram) -> None:
        """Adds every value of `other`."""
        if not other.count:
            return
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.minimum = min(self.minimum, other.minimum) if self.count else other.minimum
        self.maximum = max(self.maximum, other.maximum)
        self.count += other.count
        self.total += other.total

    @property
    def mean(self) -> float:
        """The arithmetic mean; 0.0 if the histogram is empty."""
        return self.total / self.count if self.count else 0.0

    def quantile(self, hundredths: int) -> int:
        """Returns the nearest-rank quantile. 9900 `hundredths` of a percent are p99. 0 if empty."""
        rank = max(1, -(-self.count * hundredths // _WHOLE))
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return min(max(_middle(bucket), self.minimum), self.maximum)
        return 0

    def carries(self, hundredths: int) -> bool:
        """Returns whether the sample is large enough for this quantile: n(1 - p) >= 10."""
        return self.count * (_WHOLE - hundredths) >= MIN_TAIL * _WHOLE

    def steps(self) -> Iterator[tuple[float, float, int]]:
        """Yields (low, high, count) of each quarter of a power of two, equal on a log scale.

        The steps cover whole powers of two, from the lowest value's to the highest value's. Empty
        steps are included.
        """
        counts: dict[int, int] = {}
        for bucket, count in self.counts.items():
            step = int(_STEPS * math.log2(max(1, _middle(bucket))))
            counts[step] = counts.get(step, 0) + count
        if counts:
            first, last = min(counts) // _STEPS, max(counts) // _STEPS
            for step in range(first * _STEPS, (last + 1) * _STEPS):
                yield 2 ** (step / _STEPS), 2 ** ((step + 1) / _STEPS), counts.get(step, 0)


def _middle(bucket: int) -> int:
    """Returns the value in the middle of a bucket; the inverse of the index in `record`."""
    shift = bucket >> (SUB_BITS + 1)
    if not shift:
        return bucket
    return ((bucket & _MASK) << shift) + (1 << shift >> 1)
