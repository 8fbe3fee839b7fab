"""A worker stops in time, whatever has become of Redis."""

import time

import pytest

# What an orchestrator waits before it kills, in stack.yml: 60 s. Nothing to finish needs a sixth.
SECONDS = 20


@pytest.mark.parametrize("fate", ["pause", "kill"])
async def test_an_idle_worker_does_not_wait_for_a_redis_that_is_gone(team, curl, valkey, fate):
    """`docker stack rm` ends Redis first; there is nothing to finish and nothing to put back."""
    worker, made = team.worker(), team.replica()
    assert await curl.text(made, await curl.submit(made, "work", seconds=0.05)) == "worked 0.05 s"
    getattr(valkey, fate)()
    asked = time.monotonic()
    assert worker.stop(seconds=50) == 0
    assert time.monotonic() - asked < SECONDS
    valkey.resume() if fate == "pause" else None
