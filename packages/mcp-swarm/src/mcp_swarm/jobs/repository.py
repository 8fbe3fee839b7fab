"""Jobs as their record in the store: found, added, moved from one state to the next."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mcp_swarm.jobs import job as jobs
from mcp_swarm.jobs.encryption import Seal, SealError
from mcp_swarm.jobs.job import Job
from mcp_swarm.redis import needed
from mcp_swarm.redis.job_scripts import LIVE_TTL
from mcp_swarm.redis.jobs import JobStore, Share

logger = logging.getLogger(__name__)

# What the store and the log call the feature when Redis does not answer.
FEATURE = "Background work"


class Records:
    """Every method raises MCPError -31002 (retryable) if the shared store does not answer.

    Args:
        store: gives the store; waits until there is one.
        seal: for what must not be read there.
    """

    def __init__(self, store: Callable[[], Awaitable[JobStore]], seal: Callable[[], Seal]) -> None:
        self._store = store
        self._seal = seal

    async def find(self, job_id: str) -> Job | None:
        """The job of that id, if there is (still) one."""
        async with needed(FEATURE):
            stored = await (await self._store()).read(job_id)
        return jobs.read(self._seal(), job_id, stored) if stored else None

    async def add(
        self, job: Job, *, limit: int, share: Share, repeat: tuple[str, str] | None
    ) -> tuple[str, str]:
        """A new job, queued: as ``JobStore.submit`` tells."""
        fields = jobs.write(
            self._seal(),
            job.id,
            tool=job.tool,
            owner=job.owner,
            tenant=job.tenant,
            state=job.state,
            call=job.call,
            revision=job.revision,
            created=job.created,
            updated=job.updated,
        )
        async with needed(FEATURE):
            store = await self._store()
            return await store.submit(
                *(job.id, job.owner, fields),
                now=job.created,
                limit=limit,
                tenant=job.tenant,
                share=share,
                repeat=repeat,
            )

    async def move(
        self,
        job: Job,
        fields: Mapping[str, Any],
        *,
        into: str = "",
        score: float | None = None,
        ttl: float = LIVE_TTL,
        figures: Mapping[str, float] | None = None,
        same_hand: bool = False,
        from_any: tuple[str, ...] = (),
        mark: str = "",
        most: int | None = None,
    ) -> str:
        """Changes the job in the store, then in `job` itself, if nobody has changed it since.

        Args:
            job: as it was read.
            fields: of the job, by name.
            into: as for ``JobStore.move``.
            score: likewise; by default now.
            ttl: likewise.
            figures: likewise.
            same_hand: the one that changed it last goes on; its revision stays.
            from_any: change it whoever has it, if it is in one of these states.
            mark: likewise.
            most: likewise.

        Returns:
            ``ok``, or what hindered it: as ``JobStore.move`` tells.
        """
        revision = job.revision if same_hand else job.revision + 1
        async with needed(FEATURE):
            moved = await (await self._store()).move(
                *(job.id, job.owner, job.tool, from_any or (job.state,)),
                {**jobs.write(self._seal(), job.id, **fields), "revision": revision},
                tenant=job.tenant,
                mark=mark,
                revision=None if from_any else job.revision,
                into=into,
                score=time.time() if score is None else score,
                ttl=ttl,
                figures=figures,
                most=most,
            )
        if moved == "ok":
            job.revision = revision
            for name, value in fields.items():
                setattr(job, name, value)
        return moved

    async def usual_seconds(self, tool: str) -> float | None:
        """How long jobs of this tool have run on average; None if none has ended yet."""
        figures = await self.figures(tool)
        ended = figures.get("completed", 0) + figures.get("failed", 0)
        return figures.get("ran_ms", 0) / 1000 / ended if ended else None

    async def figures(self, tool: str) -> dict[str, float]:
        """Sums by name: started, waited_ms, completed, failed, cancelled, ran_ms."""
        async with needed(FEATURE):
            return await (await self._store()).figures(tool)

    async def count(self, which: str) -> int:
        """How many jobs are ``queued``, ``running`` or ``failed``."""
        async with needed(FEATURE):
            return await (await self._store()).count(which)

    async def memory(self) -> tuple[int, int]:
        """Bytes that the shared store uses and may use; 0 of the latter if it has no limit."""
        async with needed(FEATURE):
            return await (await self._store()).memory()

    async def among(self, which: str, before: float = float("inf")) -> list[Job]:
        """The jobs that are ``queued``, ``running`` or ``failed`` since `before`, oldest first."""
        async with needed(FEATURE):
            store = await self._store()
            found = []
            for job_id in await store.members(which, before):
                stored = await store.read(job_id)
                if not stored:
                    await store.forget(which, job_id)
                    continue
                try:
                    found.append(jobs.read(self._seal(), job_id, stored))
                except SealError as error:
                    logger.warning("job %s: %s", job_id, error)
        return found
