"""What health checks cost, from one replica to a thousand.

A thousand addresses of the loopback lead to one replica that listens on all of them: the balancer
sees a thousand replicas, and the one answers all their checks.
"""

import time
from pathlib import Path
from typing import Any

from lab import replica as replicas
from lab.bench.servers import cpu
from lab.conformance.balancer import Balancer
from lab.prove.names import Names, names
from lab.prove.proof import Outcome
from lab.prove.service import address, balanced, wait_until_up
from lab.replica import Replica

SIZES, SHORT = (10, 100, 300), (10, 300)
# Of a core, for the checks of a thousand replicas; CI's machines may be half as fast.
MOST, SHORT_MOST = 0.5, 1.0
MANY, SHORT_MANY = 1000, 600  # more than an answer of 8,192 bytes has room for
PACKAGES = ("lab.sample.tools",)


def outcomes(folder: Path, short: bool) -> list[Outcome]:
    """What checks cost, and that the balancer finds so many replicas by name."""
    (folder / "checks").mkdir()
    one = replicas.start(folder / "checks" / "one", packages=PACKAGES, MCP_HOST="0.0.0.0")
    many = SHORT_MANY if short else MANY
    try:
        one.wait_until_ready()
        with names() as found:
            found.addresses = [address(0)]
            options = {"LB_REPLICAS": str(many)}
            with balanced(folder / "checks", found, one.port, **options) as balancer:
                seconds = 3.0 if short else 10.0
                sizes = SHORT if short else SIZES
                costs = [_cost(size, balancer, found, one, seconds) for size in sizes]
                most = SHORT_MOST if short else MOST
                return [_checks(sizes, costs, most), _many(balancer, found, many)]
    finally:
        one.end()


def _cost(
    size: int, balancer: Balancer, found: Names, one: Replica, seconds: float
) -> dict[str, float]:
    """Seconds of CPU in a second, and checks."""
    found.addresses = [address(number) for number in range(size)]
    wait_until_up(balancer, size)
    time.sleep(2)  # checks of new replicas come more often

    def now() -> tuple[float, float, float]:
        return time.monotonic(), cpu(balancer.pid), cpu(one.process.pid)

    before = now()
    time.sleep(seconds)
    passed, balancing, answering = (b - a for a, b in zip(before, now(), strict=True))
    return {"balancer": balancing / passed, "replica": answering / passed}


def _checks(sizes: tuple[int, ...], costs: list[dict[str, float]], most: float) -> Outcome:
    """By the slope: what a process does anyway is left out."""
    more = sizes[-1] - sizes[0]
    # Every replica is checked by two backends, that for calls and that for streams, each second.
    slope = {name: 1e6 * (costs[-1][name] - costs[0][name]) / (2 * more) for name in costs[0]}
    shown = {
        f"{size} replicas": f"{100 * cost['balancer']:.1f} % of a core for the balancer, "
        f"{100 * cost['replica']:.1f} % for all replicas together"
        for size, cost in zip(sizes, costs, strict=True)
    }
    return Outcome(
        "Health checks of a thousand replicas leave a core of the balancer to its calls"
        if most == MOST
        else "Health checks of a thousand replicas take less than a core of the balancer",
        2000 * slope["balancer"] < 1e6 * most,
        {
            **shown,
            "CPU of the balancer, a check": f"{slope['balancer']:.0f} µs",
            "CPU of a replica, a check": f"{slope['replica']:.0f} µs",
        },
        numbers={"check": slope},
    )


def _many(balancer: Balancer, found: Names, many: int) -> Outcome:
    found.addresses = [address(number) for number in range(many)]
    words: dict[str, Any] = {}
    try:
        wait_until_up(balancer, many)
    except RuntimeError as error:
        words["it says"] = str(error)
    up = many if not words else sum(row["status"] == "UP" for row in balancer.replicas())
    return Outcome(
        f"The balancer finds {many:,} replicas by one name",
        up == many,
        {"found": f"{up:,}", **words},
        numbers={"found by name": up},
    )
