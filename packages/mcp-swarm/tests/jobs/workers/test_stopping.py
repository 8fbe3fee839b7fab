"""A worker stops in time, whatever has become of Redis."""

import pytest

# Less than an orchestrator waits before it kills, in stack.yml: 60 s.
SECONDS = 50


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fate", ["pause", "kill"])
async def test_an_idle_worker_does_not_wait_for_a_redis_that_is_gone(team, curl, valkey, fate):
    """`docker stack rm` ends Redis first; there is nothing to finish and nothing to put back."""
    worker, made = team.worker(), team.replica()
    job = await curl.submit(made, "work", seconds=0.05)
    assert await curl.text(made, job) == "worked 0.05 s"
    await worker.logged(rf"↩ .*{job}")  # the queue knows that too, or the worker is not idle yet
    getattr(valkey, fate)()
    assert worker.stop(seconds=SECONDS) == 0
    if fate == "pause":
        valkey.resume()
