"""Tests whether the load is even over the replicas: Pearson's chi-square, effect size and power.

The test needs the unit that the balancer balances: requests behind an HTTP proxy, connections
behind a TCP balancer such as Swarm's routing mesh. "Uneven" needs both a p-value below ALPHA and a
busiest replica above MATERIAL times its share. With many calls, a harmless difference becomes
significant; with few calls, a large difference can be chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from mcp_swarm_load.measure import chi_square

ALPHA = 0.01
"""Maximum probability of calling an even spread uneven."""

MATERIAL = 1.05
"""Ratio of the busiest replica to its fair share above which unevenness costs capacity."""

MIN_POWER = 0.80
GROSS_SHORTFALL = 0.50
"""A test that would miss one replica at half of the others' load is "too few to tell"."""

FINE_SHORTFALL = 0.10
MIN_EXPECTED = 5.0
"""Minimum expected calls per replica for the chi-square approximation to hold."""

CHANCE_OF_TURNS = 0.05
"""Counts that differ by at most 1 look like round robin. They prove an even spread, also in a small
sample, if their probability with one replica at half of the others' load is at most this."""

_NORMAL_95 = 1.96

Verdict = Literal["even", "uneven", "too few to tell", "one replica"]


@dataclass(frozen=True, slots=True)
class Spread:
    """The verdict on a spread and its figures. Shares and ratios are plain fractions."""

    verdict: Verdict
    total: int
    replicas: int
    chi_square: float
    degrees: int
    p_value: float
    variation: float
    """Coefficient of variation of count / expected count."""
    chance_variation: float
    """The coefficient that chance alone gives: sqrt((k - 1) / n)."""
    busiest: float
    """Largest count / expected count. The busiest replica limits the capacity."""
    sees_tenth: float
    """Power: probability of detecting one replica that gets 10 % less."""
    sees_half: float
    needed: int
    """Calls needed to detect one replica at half load; 0 if there are enough."""
    least: str = ""
    """The replica furthest below its share."""
    shortfall: float = 0.0
    """How much less of its share it got than the others: 0.1 means a tenth less."""
    shortfall_error: float = 0.0
    """Half-width of the 95 % confidence interval of `shortfall`."""


def judge(counts: Mapping[str, int], expected: Mapping[str, float] | None = None) -> Spread:
    """Compares counts per replica (0 for silent ones) with expected shares, equal by default.

    Raises ValueError if an expected share is missing or not positive.
    """
    total, k = sum(counts.values()), len(counts)
    fair = _fair_counts(counts, expected, total)
    if k < 2 or total == 0:
        verdict: Verdict = "one replica" if k == 1 and total else "too few to tell"
        return Spread(verdict, total, k, 0.0, 0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0)
    statistic = sum((counts[name] - fair[name]) ** 2 / fair[name] for name in counts)
    p_value = chi_square.tail(statistic, k - 1)
    ratios = [counts[name] / fair[name] for name in counts]
    sees_half = power(total, k, GROSS_SHORTFALL)
    enough = sees_half >= MIN_POWER and min(fair.values()) >= MIN_EXPECTED
    turns = expected is None and max(counts.values()) - min(counts.values()) <= 1
    if p_value < ALPHA and max(ratios) > MATERIAL and min(fair.values()) >= MIN_EXPECTED:
        verdict = "uneven"
    elif enough or (turns and chance_of_turns(total, k) <= CHANCE_OF_TURNS):
        verdict = "even"
    else:
        verdict = "too few to tell"
    return Spread(
        verdict=verdict,
        total=total,
        replicas=k,
        chi_square=statistic,
        degrees=k - 1,
        p_value=p_value,
        variation=math.sqrt(sum((ratio - 1.0) ** 2 for ratio in ratios) / k),
        chance_variation=math.sqrt((k - 1) / total),
        busiest=max(ratios),
        sees_tenth=power(total, k, FINE_SHORTFALL),
        sees_half=sees_half,
        needed=0 if enough else _calls_needed(k),
        **_shortfall(counts, fair),
    )


def _shortfall(counts: Mapping[str, int], fair: Mapping[str, float]) -> dict[str, Any]:
    """Compares the least busy replica with all others. The error is that of a ratio of counts."""
    least = min(counts, key=lambda name: (counts[name] / fair[name], name))
    mine, others = counts[least], sum(counts.values()) - counts[least]
    if not others:
        return {}
    ratio = (mine / fair[least]) / (others / (sum(fair.values()) - fair[least]))
    error = _NORMAL_95 * ratio * math.sqrt(1 / mine + 1 / others) if mine else 0.0
    return {"least": least, "shortfall": 1.0 - ratio, "shortfall_error": error}


def _fair_counts(
    counts: Mapping[str, int], expected: Mapping[str, float] | None, total: int
) -> dict[str, float]:
    if expected is None:
        return {name: total / len(counts) for name in counts}
    wrong = [name for name in counts if expected.get(name, 0.0) <= 0.0]
    if wrong:
        raise ValueError(f"expected share of {', '.join(wrong)}: missing or not above 0")
    whole = sum(expected[name] for name in counts)
    return {name: total * expected[name] / whole for name in counts}


@lru_cache(maxsize=256)
def _calls_needed(replicas: int) -> int:
    """Returns the number of calls needed to detect one of `replicas` at half load."""
    low = math.ceil(MIN_EXPECTED * replicas)
    high = low
    while power(high, replicas, GROSS_SHORTFALL) < MIN_POWER:
        high *= 2
    while low < high:
        middle = (low + high) // 2
        if power(middle, replicas, GROSS_SHORTFALL) < MIN_POWER:
            low = middle + 1
        else:
            high = middle
    return low


def chance_of_turns(total: int, replicas: int) -> float:
    """Returns P(no two counts differ by more than 1) with one replica at half of the others' load.

    It is exact: the sum of the multinomial probabilities of all such counts.
    """
    each, extra = divmod(total, replicas)
    other = 1.0 / (replicas - GROSS_SHORTFALL)
    short = (1.0 - GROSS_SHORTFALL) * other
    orders = math.lgamma(total + 1) - (
        (replicas - extra) * math.lgamma(each + 1) + extra * math.lgamma(each + 2)
    )
    chance = 0.0
    for more in (0, 1):  # whether the short replica is one of those with an extra call
        if more <= extra <= replicas - 1 + more:
            mine = each + more
            logarithm = orders + mine * math.log(short) + (total - mine) * math.log(other)
            chance += math.comb(replicas - 1, extra - more) * math.exp(logarithm)
    return chance


@lru_cache(maxsize=256)
def power(total: int, replicas: int, shortfall: float, alpha: float = ALPHA) -> float:
    """Returns P(p < alpha) when one replica gets (1 - shortfall) of what each other replica gets.

    The statistic is then noncentral chi-square: a Poisson mixture of central ones (Cohen 1988).
    """
    if replicas < 2 or total <= 0:
        return 0.0
    fair = 1.0 / replicas
    other = 1.0 / (replicas - shortfall)
    short = (1.0 - shortfall) * other
    distance = (short - fair) ** 2 + (replicas - 1) * (other - fair) ** 2
    noncentrality = total * distance / fair
    return chi_square.noncentral_tail(
        chi_square.critical(replicas - 1, alpha), replicas - 1, noncentrality
    )
