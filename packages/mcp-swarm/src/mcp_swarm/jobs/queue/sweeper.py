"""Queues jobs again that are in the store but not in the queue.

Normally there are none. A Redis restored from an older copy, or a process that died between storing
a job and queueing it, leave such jobs behind. It also removes dead workers from the consumer group.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from mcp.shared.exceptions import MCPError
from redis.exceptions import RedisError

from mcp_swarm.config import JobSettings
from mcp_swarm.jobs.queue.engine import Engine
from mcp_swarm.jobs.repository import JobRepository
from mcp_swarm.redis.jobs import JobStore

logger = logging.getLogger(__name__)

AT_ONCE = 100

# Seconds after which an idle worker without a job is removed from the consumer group: else every
# process that ever worked stays in it. A live worker adds itself again.
IDLE_SECONDS = 3600.0


class Sweeper:
    """Sweeps every three redelivery times; one worker at a time."""

    def __init__(
        self,
        settings: JobSettings,
        repository: JobRepository,
        engine: Engine,
        store: Callable[[], Awaitable[JobStore]],
    ) -> None:
        self._pause = 3 * settings.mcp_task_redelivery_seconds
        self._repository = repository
        self._engine = engine
        self._store = store

    @asynccontextmanager
    async def lifetime(self) -> AsyncIterator["asyncio.Task[None]"]:
        """Sweeps in the background while the worker runs."""
        sweeping = asyncio.create_task(self._forever(), name="the sweep of jobs")
        try:
            yield sweeping
        finally:
            sweeping.cancel()
            await asyncio.wait({sweeping})

    async def _forever(self) -> None:
        while True:
            await asyncio.sleep(self._pause)
            if not self._engine.is_open:
                continue
            try:
                if await (await self._store()).only_one("sweep", self._pause * 0.9):
                    await self.sweep()
                    await self.forget_workers(IDLE_SECONDS)
            except (RedisError, MCPError) as error:
                logger.warning("sweeping for lost jobs: %s", error)

    async def forget_workers(self, silent: float) -> int:
        """Removes workers that were idle for `silent` seconds; returns how many."""
        docket = await self._engine.docket()
        store = await self._store()
        return await store.forget_consumers(docket.stream_key, docket.worker_group_name, silent)

    async def sweep(self) -> None:
        """Queues jobs again whose worker has sent no heartbeat for too long."""
        before = time.time() - self._pause
        for job in (await self._repository.among("running", before))[:AT_ONCE]:
            update = {"state": "queued", "message": "its worker was lost", "updated": time.time()}
            moved = await self._repository.move(job, update, into="queued")
            if moved == "ok":
                logger.warning("job %s lost its worker and is queued again", job.id)
                await self._engine.add(job.id, job.tenant)
        for job in (await self._repository.among("queued", before))[:AT_ONCE]:
            await self._engine.add(job.id, job.tenant)  # changes nothing if it is queued already
