"""The repository of jobs: finds, adds and changes their records in the store."""

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
    """Reads and writes jobs.

    Every method raises MCPError -31002 (retryable) if the shared store does not answer.

    Args:
        store: returns the store, once it is open.
        cipher: returns the cipher for the fields with a caller's data.
    """

    def __init__(
        self, store: Callable[[], Awaitable[JobStore]], cipher: Callable[[], RecordCipher]
    ) -> None:
        self._store = store
        self._cipher = cipher

    async def find(self, job_id: str) -> Job | None:
        """Returns the job with that id, if there is one."""
        async with redis_required(FEATURE):
            stored = await (await self._store()).read(job_id)
        return from_fields(self._cipher(), job_id, stored) if stored else None

    async def add(
        self, job: Job, *, limit: int, share: Share, repeat: tuple[str, str] | None
    ) -> tuple[str, str]:
        """Stores a new job as queued; returns the result of ``JobStore.submit``."""
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
        same_worker: bool = False,
        from_any: tuple[str, ...] = (),
        token: str = "",
        max_bytes: int | None = None,
    ) -> str:
        """Changes the job in the store, then `job` itself, if nobody has changed it since.

        Args:
            job: as it was read.
            fields: new values of the job's fields, by name.
            into: as for ``JobStore.move``.
            score: likewise; by default now.
            ttl: likewise.
            figures: likewise.
            same_worker: the last writer continues, so the revision stays.
            from_any: ignore the revision; the job must be in one of these states.
            token: as for ``JobStore.move``.
            max_bytes: likewise.

        Returns:
            The result of ``JobStore.move``.
        """
        revision = job.revision if same_worker else job.revision + 1
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
        """Returns the mean duration of this tool's jobs; None if none has ended yet."""
        figures = await self.figures(tool)
        ended = figures.get("completed", 0) + figures.get("failed", 0)
        return figures.get("ran_ms", 0) / 1000 / ended if ended else None

    async def figures(self, tool: str) -> dict[str, float]:
        """Returns sums by name: started, waited_ms, completed, failed, cancelled, ran_ms."""
        async with redis_required(FEATURE):
            return await (await self._store()).figures(tool)

    async def count(self, which: str) -> int:
        """Returns how many jobs are ``queued``, ``running`` or ``failed``."""
        async with redis_required(FEATURE):
            return await (await self._store()).count(which)

    async def memory(self) -> tuple[int, int]:
        """Returns the bytes that the shared store uses and may use; the latter is 0 without a limit."""
        async with redis_required(FEATURE):
            return await (await self._store()).memory()

    async def among(self, which: str, before: float = float("inf")) -> list[Job]:
        """Returns jobs ``queued``, ``running`` or ``failed`` since `before` or earlier, oldest first."""
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
