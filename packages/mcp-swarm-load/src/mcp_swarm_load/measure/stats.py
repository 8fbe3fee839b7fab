"""Latency histograms that merge, and percentiles that are shown only where the sample carries them.

Buckets are logarithmic with 1,024 steps an octave (HdrHistogram's layout), so any value is kept to
within 0.05 % whatever its size. Two histograms add up to exactly the histogram of both samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

SUB_BITS = 10
"""Each power of two is cut into 2**SUB_BITS buckets."""

QUANTILES = {"p50": 5000, "p90": 9000, "p95": 9500, "p99": 9900, "p99.9": 9990}
"""Percentiles a report shows, in hundredths of a percent: whole numbers, so ranks are exact."""

MIN_TAIL = 10
"""Values that must lie above a percentile before it is shown: p99 needs 1,000 calls."""

_WHOLE = 10_000
_STEPS = 4
_MASK = (1 << (SUB_BITS + 1)) - 1


class Histogram:
    """Counts of whole, non-negative values (here nanoseconds); minimum, maximum, sum are exact."""

    __slots__ = ("count", "counts", "maximum", "minimum", "total")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.count = 0
        self.total = 0
        self.minimum = 0
        self.maximum = 0

    def record(self, value: int) -> None:
        """Add one value; a negative one (a clock cannot give it) counts as 0."""
        if value < 0:  # noqa: PLR1730  max() would cost more, at every answer
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
        """Add every value of `other`; percentiles are never averaged."""
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
        """Arithmetic mean; 0.0 of an empty histogram."""
        return self.total / self.count if self.count else 0.0

    def quantile(self, hundredths: int) -> int:
        """Nearest-rank quantile, `hundredths` of a percent (9900 is p99); 0 of an empty one."""
        rank = max(1, -(-self.count * hundredths // _WHOLE))
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return min(max(_middle(bucket), self.minimum), self.maximum)
        return 0

    def carries(self, hundredths: int) -> bool:
        """Whether the sample is large enough for this quantile: n(1 - p) >= 10."""
        return self.count * (_WHOLE - hundredths) >= MIN_TAIL * _WHOLE

    def steps(self) -> Iterator[tuple[float, float, int]]:
        """(low, high, count) of each quarter of a power of two, equal on a log scale; whole powers
        of two from the lowest value's to the highest's, empty steps too.
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
    """The value in the middle of a bucket: the inverse of `record`'s index."""
    shift = bucket >> (SUB_BITS + 1)
    if not shift:
        return bucket
    return ((bucket & _MASK) << shift) + (1 << shift >> 1)
