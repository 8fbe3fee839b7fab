"""The chi-square distribution, with the standard library only.

It has the upper tail, the critical values and, for power, the tail of the noncentral distribution.
"""

from __future__ import annotations

import math
from functools import lru_cache


def noncentral_tail(value: float, degrees: int, noncentrality: float) -> float:
    """Returns the upper tail of noncentral chi-square: a Poisson mixture of central ones."""
    half = noncentrality / 2.0
    centre = int(half)
    reach = int(8.0 * math.sqrt(half + 1.0)) + 12
    total = 0.0
    for j in range(max(0, centre - reach), centre + reach):
        weight = math.exp(-half + (j * math.log(half) if half else 0.0) - math.lgamma(j + 1.0))
        if half == 0.0 and j:
            break
        total += weight * tail(value, degrees + 2 * j)
    return min(1.0, total)


@lru_cache(maxsize=256)
def critical(degrees: int, alpha: float) -> float:
    """Returns the chi-square value whose upper tail is alpha, by bisection."""
    low, high = 0.0, 10.0
    while tail(high, degrees) > alpha:
        high *= 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        if tail(middle, degrees) > alpha:
            low = middle
        else:
            high = middle
    return high


def tail(value: float, degrees: int) -> float:
    """Returns P(chi-square with `degrees` of freedom >= value): the regularised upper gamma."""
    if value <= 0.0:
        return 1.0
    a, x = degrees / 2.0, value / 2.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        return max(0.0, 1.0 - scale * _series(a, x))
    return min(1.0, scale * _fraction(a, x))


def _series(a: float, x: float) -> float:
    """Lower incomplete gamma without its scale: sum of x^n / (a (a+1) ... (a+n))."""
    term = total = 1.0 / a
    n = a
    while term > total * 1e-16:
        n += 1.0
        term *= x / n
        total += term
    return total


def _fraction(a: float, x: float) -> float:
    """Upper incomplete gamma without its scale: Lentz's continued fraction (Press et al., 6.2)."""
    b = x + 1.0 - a
    c = 1e300
    d = 1.0 / b
    fraction = d
    for i in range(1, 10_000):
        step = -i * (i - a)
        b += 2.0
        d = 1.0 / (step * d + b)
        c = b + step / c
        fraction *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return fraction
