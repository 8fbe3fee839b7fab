"""Targets whose truth is set, as a program: `python -m lab.prove.known NAME`; prints its URL.

Standard input is its life: it ends when that is closed.
"""

import asyncio
import random
import sys
from collections.abc import Callable

from mcp_swarm_load.testing.target import Target

CALLS = 30_000
SEED = 20_261_121
ERROR_EVERY = 50
FREEZE_SECONDS = 1.4
SERVICE_SECONDS = 0.005


def delays() -> list[float]:
    """Seconds for each call: most about 20 ms, one in twenty-five about 150 ms."""
    dice = random.Random(SEED)
    return [
        dice.lognormvariate(-1.9, 0.1) if dice.random() < 0.04 else dice.lognormvariate(-3.9, 0.3)
        for _ in range(CALLS)
    ]


def drawn(*weights: float) -> Callable[[int], str]:
    """Each call's replica drawn with these weights."""
    dice = random.Random(SEED)
    whose = dice.choices([f"replica-{n}" for n in range(1, len(weights) + 1)], weights, k=CALLS)
    return lambda number: whose[number % CALLS]


def in_turn(count: int) -> Callable[[int], str]:
    """Replicas take turns, by call or by connection, whichever asks."""
    turns = iter(range(10**9))
    return lambda number: f"replica-{next(turns) % count + 1}"


def target(name: str) -> Target:
    """The target of that name."""
    if name == "latency":
        set_ = delays()
        return Target(delay=lambda number: set_[number % CALLS])
    if name == "errors":
        kinds = ("503", "rpc error", "tool error", "wrong id", "cut")
        return Target(
            fault=lambda n: "" if n % ERROR_EVERY else kinds[n // ERROR_EVERY % len(kinds)]
        )
    if name == "pinned":
        return Target(
            replica=in_turn(3), by_connection=True, delay=lambda n: SERVICE_SECONDS * (1 + n % 3)
        )
    if name == "freeze":
        return Target(delay=lambda number: SERVICE_SECONDS)
    spreads = {"even": drawn(1, 1, 1), "short": drawn(0.9, 1, 1), "silent": drawn(1, 1)}
    return Target(replica=spreads[name], delay=lambda number: 0.001)


async def main(name: str) -> None:
    """Serves until standard input ends. With `freeze`, stops answering 10 s after the first call."""
    async with target(name).serving() as serving:
        print(serving.url, flush=True)
        ended = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
        if name == "freeze":
            await serving.wait_for_requests(1)
            await asyncio.sleep(float(sys.argv[2]))
            serving.freeze(FREEZE_SECONDS)
        await ended


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
