"""Redis does what a worker asks, and its answer is lost with the connection: it is asked again."""

import asyncio

from lab.jobs.following import created, following, notified_until
from lab.slow_redis import by, losing
from mcp_swarm.redis.job_scripts import MOVE, NEVER_REFUSED
from mcp_swarm.redis.pipeline import Script


async def test_the_end_of_a_job_is_told_though_it_was_written_already(team, http, valkey):
    """Else who follows it would wait for ever."""
    made = team.replica(MCP_JSON_RESPONSE="false")
    task = await created(http, made, "work", seconds=0.2)
    async with (
        losing(valkey, Script(NEVER_REFUSED + MOVE), b"completed") as port,
        following(http, made, task) as (_, messages),
    ):
        worker = await asyncio.to_thread(team.worker, **by(valkey, port))
        assert (await notified_until(messages))[-1]["status"] == "completed"
        assert await asyncio.to_thread(worker.stop) == 0


async def test_a_job_that_was_put_back_already_is_delivered_again(team, curl, valkey, tmp_path):
    """Else it would wait until somebody sweeps for lost jobs."""
    made = team.replica()
    async with losing(valkey, Script(NEVER_REFUSED + MOVE), b"unknown_since") as port:
        worker = await asyncio.to_thread(team.worker, **by(valkey, port))
        job = await curl.submit(made, "flaky", folder=str(tmp_path), fails=1)
        assert await curl.text(made, job) == "done on try 2"
        assert "is dropped" not in worker.log
        assert await asyncio.to_thread(worker.stop) == 0
