"""Histograms store values to 0.05 %, merge without loss and show supported percentiles only."""

import random

import pytest

from mcp_swarm_load.measure.stats import QUANTILES, Histogram


def filled(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


@pytest.mark.parametrize("value", [0, 1, 2047, 2048, 2049, 123_456, 10**9, 10**12 + 7, 2**50 - 1])
def test_one_value_is_every_percentile_of_itself(value):
    """Minimum and maximum clamp the middle of the bucket to the value."""
    histogram = filled([value])

    assert {value} == {histogram.quantile(q) for q in QUANTILES.values()}


def test_percentiles_are_nearest_rank_within_a_twentieth_of_a_percent():
    """It compares with the exact rank in the sorted sample, over six orders of magnitude."""
    dice = random.Random(7)
    values = [int(dice.lognormvariate(14, 3)) for _ in range(20_003)]
    histogram = filled(values)
    values.sort()

    for hundredths in QUANTILES.values():
        exact = values[-(-len(values) * hundredths // 10_000) - 1]
        assert histogram.quantile(hundredths) == pytest.approx(exact, rel=0.0005)


def test_minimum_mean_and_maximum_are_exact():
    histogram = filled([5, 1_000_003, 70_000_001])

    assert (
        histogram.minimum,
        histogram.mean,
        histogram.maximum,
    ) == (5, 71_000_009 / 3, 70_000_001)


def test_merging_two_halves_gives_the_histogram_of_the_whole():
    dice = random.Random(1)
    values = [dice.randrange(10**8) for _ in range(3_000)]
    merged = filled(values[:1_000])
    merged.merge(filled(values[1_000:]))
    whole = filled(values)

    assert (whole.counts, whole.count, whole.total, whole.minimum, whole.maximum) == (
        merged.counts,
        merged.count,
        merged.total,
        merged.minimum,
        merged.maximum,
    )


def test_merging_with_an_empty_one_changes_nothing_either_way():
    empty, full = Histogram(), filled([8, 9])
    full.merge(Histogram())
    empty.merge(full)

    assert (empty.minimum, empty.maximum, full.count) == (8, 9, 2)


@pytest.mark.parametrize(
    ("name", "least"), [("p50", 20), ("p90", 100), ("p95", 200), ("p99", 1_000), ("p99.9", 10_000)]
)
def test_a_percentile_needs_ten_values_above_it(name, least):
    """The condition is n(1 - p) >= 10."""
    enough, short = filled([1] * least), filled([1] * (least - 1))

    assert enough.carries(QUANTILES[name])
    assert not short.carries(QUANTILES[name])


def test_the_histogram_s_steps_hold_every_value_once():
    """The bars add up, with empty bars between the peaks, and have no gaps."""
    values = [1, 3, 3, 4, 5_000, 5_001, 6_143, 6_144, 100_000]
    bars = list(filled(values).steps())

    assert [sum(low <= value < high for value in values) for low, high, _ in bars] == [
        count for _, _, count in bars
    ]
    assert sum(count for _, _, count in bars) == len(values)
    assert [high for _, high, _ in bars[:-1]] == [low for low, _, _ in bars[1:]]
    assert len(bars) % 4 == 0, "four to a power of two, none cut off"
