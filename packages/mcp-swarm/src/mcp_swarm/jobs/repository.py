"""Jobs as their record in the store: found, added, moved from one state to the next."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mcp_swarm.jobs.encryption import DecryptionError, RecordCipher
from mcp_swarm.jobs.job import Job, from_fields, to_fields
from mcp_swarm.redis import redis_required
from mcp_swarm.redis.job_scripts import LIVE_TTL
from mcp_swarm.redis.jobs import JobStore, Share

logger = logging.getLogger(__name__)

# What the store and the log call the feature when Redis does not answer.
FEATURE = "Background work"


class JobRepository:
    """Every method raises MCPError -31002 (retryable) if the shared store does not answer.

    Args:
        store: gives the store; waits until there is one.
        cipher: gives the cipher for what must not be read there.
    """

    def __init__(
        self, store: Callable[[], Awaitable[JobStore]], cipher: Callable[[], RecordCipher]
    ) -> None:
        self._store = store
        self._cipher = cipher

    async def find(self, job_id: str) -> Job | None:
        """The job of that id, if there is (still) one."""
        async with redis_required(FEATURE):
            stored = await (await self._store()).read(job_id)
        return from_fields(self._cipher(), job_id, stored) if stored else None

    async def add(
        self, job: Job, *, limit: int, share: Share, repeat: tuple[str, str] | None
    ) -> tuple[str, str]:
        """A new job, queued: as ``JobStore.submit`` tells."""
        fields = to_fields(
            self._cipher(),
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
        async with redis_required(FEATURE):
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
        token: str = "",
        max_bytes: int | None = None,
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
            token: likewise.
            max_bytes: likewise.

        Returns:
            ``ok``, or what hindered it: as ``JobStore.move`` tells.
        """
        revision = job.revision if same_hand else job.revision + 1
        async with redis_required(FEATURE):
            moved = await (await self._store()).move(
                *(job.id, job.owner, job.tool, from_any or (job.state,)),
                {**to_fields(self._cipher(), job.id, **fields), "revision": revision},
                tenant=job.tenant,
                token=token,
                revision=None if from_any else job.revision,
                into=into,
                score=time.time() if score is None else score,
                ttl=ttl,
                figures=figures,
                max_bytes=max_bytes,
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
        async with redis_required(FEATURE):
            return await (await self._store()).figures(tool)

    async def count(self, which: str) -> int:
        """How many jobs are ``queued``, ``running`` or ``failed``."""
        async with redis_required(FEATURE):
            return await (await self._store()).count(which)

    async def memory(self) -> tuple[int, int]:
        """Bytes that the shared store uses and may use; 0 of the latter if it has no limit."""
        async with redis_required(FEATURE):
            return await (await self._store()).memory()

    async def among(self, which: str, before: float = float("inf")) -> list[Job]:
        """The jobs that are ``queued``, ``running`` or ``failed`` since `before`, oldest first."""
        async with redis_required(FEATURE):
            store = await self._store()
            found = []
            for job_id in await store.members(which, before):
                stored = await store.read(job_id)
                if not stored:
                    await store.forget(which, job_id)
                    continue
                try:
                    found.append(from_fields(self._cipher(), job_id, stored))
                except DecryptionError as error:
                    logger.warning("job %s: %s", job_id, error)
        return found
