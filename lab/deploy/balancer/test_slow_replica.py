"""Slow is not dead: the balancer sends calls elsewhere within seconds, and comes back to it."""

import asyncio
import signal
import time
from pathlib import Path

import httpx2
import pytest

from lab.conformance.balancer import Balancer, balancer
from lab.fixtures import Start
from lab.mcp_wire import call, text

pytestmark = pytest.mark.timeout(120)
# Two checks in a row, each of at most 5 s and a second apart; the rest is this machine's.
SECONDS = 20


async def test_a_replica_that_stands_still_gets_no_calls_until_it_answers_again(
    tmp_path: Path, replica: Start, http: httpx2.AsyncClient
) -> None:
    """Nobody ends it: its process, and what it holds, is there afterwards."""
    slow, other = (replica(MCP_REPLICA=name) for name in ("slow", "other"))
    with balancer(tmp_path, [slow, other]) as made:
        slow.kill(signal.SIGSTOP)
        began = time.monotonic()
        await seen(made, {"DOWN", "UP"})
        assert time.monotonic() - began < SECONDS
        for _ in range(20):
            answer = await http.post(made.url, **call("echo", text="x"))
            assert (text(answer), answer.headers["X-Served-By"]) == ("x", "other")
        slow.kill(signal.SIGCONT)
        await seen(made, {"UP"})
        served = set()
        while len(served) < 2:
            served.add((await http.post(made.url, **call("echo", text="x"))).headers["X-Served-By"])


async def seen(made: Balancer, states: set[str]) -> None:
    """Returns when the balancer says so of its replicas."""
    for _ in range(600):
        if {row["status"].split()[0] for row in made.replicas()} == states:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"not {states}: {made.replicas()}")
