"""The evenness test against published values and known spreads."""

import math
import random
from collections import Counter

import pytest

from mcp_swarm_load.measure import chi_square, spread


@pytest.mark.parametrize(
    ("value", "degrees", "tail"),
    [
        (5.991, 2, 0.0500),
        (16.919, 9, 0.0500),
        (13.277, 4, 0.0100),
        (3.841, 1, 0.0500),
        (124.342, 100, 0.0500),
        (0.020, 2, 0.9900),
    ],
)
def test_tails_of_chi_square_are_those_of_the_printed_tables(value, degrees, tail):
    assert chi_square.tail(value, degrees) == pytest.approx(tail, abs=0.0001)


@pytest.mark.parametrize("value", [0.001, 0.7, 2.0, 40.0, 700.0])
def test_tails_for_two_degrees_are_exponential(value):
    """With two degrees the tail is exactly exp(-x/2). This covers both branches."""
    assert chi_square.tail(value, 2) == pytest.approx(math.exp(-value / 2), rel=1e-9, abs=0)


@pytest.mark.parametrize(
    ("replicas", "calls", "percent"),
    [(3, 3_000, 44), (3, 10_000, 97), (5, 3_000, 21), (5, 10_000, 82), (5, 30_000, 100),
     (10, 3_000, 6), (10, 10_000, 28), (10, 30_000, 92)],
)  # fmt: skip
def test_power_matches_a_simulation_with_one_replica_a_tenth_short(replicas, calls, percent):
    """It compares with 1,000 simulated runs, to 4 percentage points."""
    assert spread.power(calls, replicas, 0.10) * 100 == pytest.approx(percent, abs=4)


def drawn(dice: random.Random, calls: int, weights: list[float]) -> dict[str, int]:
    names = [str(number) for number in range(len(weights))]
    counts = Counter(dice.choices(names, weights, k=calls))
    return {name: counts[name] for name in names}


@pytest.mark.parametrize(("replicas", "calls"), [(3, 300), (5, 3_000), (10, 2_000)])
def test_even_spreads_are_called_uneven_at_most_as_often_as_alpha_allows(replicas, calls):
    """Of 1,000 seeded even runs at most 21, the 99.9 % quantile of the binomial."""
    dice = random.Random(replicas)
    runs = [spread.judge(drawn(dice, calls, [1.0] * replicas)).verdict for _ in range(1_000)]

    assert runs.count("uneven") <= 21
    assert runs.count("even") >= 979


def test_one_replica_at_half_load_is_detected_at_the_needed_count():
    """At the needed count, at least four runs of five detect it."""
    needed = spread.judge({"a": 10, "b": 12, "c": 9}).needed
    dice = random.Random(4)
    runs = [spread.judge(drawn(dice, needed, [0.5, 1.0, 1.0])).verdict for _ in range(500)]

    assert 0.75 <= runs.count("uneven") / 500 <= 0.90


def test_round_robin_is_called_even():
    assert spread.judge({"a": 17, "b": 17, "c": 16}).verdict == "even"


def test_calls_too_few_to_find_a_replica_at_half_load_are_called_too_few():
    judged = spread.judge({"a": 20, "b": 13, "c": 17})

    assert (judged.verdict, judged.needed) == ("too few to tell", 174)


@pytest.mark.parametrize(("replicas", "calls"), [(2, 12), (3, 10), (3, 15), (5, 24), (10, 30)])
def test_the_chance_of_looking_like_round_robin_matches_a_simulation(replicas, calls):
    """It compares with 20,000 seeded draws with one replica at half load."""
    dice = random.Random(calls)
    weights = [0.5] + [1.0] * (replicas - 1)
    draws = [drawn(dice, calls, weights).values() for _ in range(20_000)]
    found = sum(max(counts) - min(counts) <= 1 for counts in draws) / 20_000

    assert found == pytest.approx(spread.chance_of_turns(calls, replicas), abs=0.007)


@pytest.mark.parametrize("replicas", [2, 3, 5, 10])
@pytest.mark.parametrize("calls", [8, 15, 22, 50])
def test_a_replica_at_half_load_passes_for_even_in_small_runs_once_in_twenty_at_most(
    replicas, calls
):
    """The limit is 6 %, with room for the simulation's own chance."""
    dice = random.Random(calls * replicas)
    weights = [0.5] + [1.0] * (replicas - 1)
    runs = [spread.judge(drawn(dice, calls, weights)).verdict for _ in range(1_000)]

    assert runs.count("even") <= 60


def test_a_significant_difference_that_costs_nothing_is_still_even():
    """With a million calls, one per cent is significant but harmless."""
    judged = spread.judge({"a": 500_000, "b": 505_000})

    assert judged.p_value < 0.001
    assert judged.verdict == "even"


def test_a_silent_replica_makes_the_spread_uneven():
    assert spread.judge({"a": 100, "b": 100, "c": 0}).verdict == "uneven"


def test_expected_shares_can_be_unequal():
    """A replica that was present for half of the run has half a share."""
    counts = {"a": 1_000, "b": 498}

    assert spread.judge(counts).verdict == "uneven"
    assert spread.judge(counts, {"a": 2.0, "b": 1.0}).verdict == "even"


def test_a_missing_expected_share_is_rejected():
    with pytest.raises(ValueError, match="expected share of b"):
        spread.judge({"a": 1, "b": 2}, {"a": 1.0})


@pytest.mark.parametrize("counts", [{}, {"a": 0}, {"a": 0, "b": 0}])
def test_nothing_counted_is_too_few_to_tell(counts):
    assert spread.judge(counts).verdict == "too few to tell"


def test_one_replica_cannot_be_uneven():
    assert spread.judge({"a": 50}).verdict == "one replica"


def test_a_short_replica_is_named_with_its_shortfall_and_error():
    """900 beside a mean of 1,000 is a tenth. The error is that of a ratio of two counts."""
    judged = spread.judge({"a": 1_000, "b": 900, "c": 1_000})

    assert (judged.least, judged.shortfall) == ("b", pytest.approx(0.1))
    assert judged.shortfall_error == pytest.approx(1.96 * 0.9 * math.sqrt(1 / 900 + 1 / 2_000))


def test_a_silent_replica_is_wholly_short():
    assert spread.judge({"a": 100, "b": 0}).shortfall == 1.0


def test_the_stated_error_of_a_shortfall_holds_in_nineteen_runs_of_twenty():
    """It uses 400 seeded runs with one replica a tenth short. 92 % leaves room for chance."""
    dice = random.Random(9)
    within = 0
    for _ in range(400):
        judged = spread.judge(drawn(dice, 20_000, [0.9, 1.0, 1.0]))
        within += judged.least == "0" and abs(judged.shortfall - 0.1) <= judged.shortfall_error

    assert within >= 0.92 * 400
