"""How much of the store jobs may take: all together, and those of one tenant.

A full Redis drops nothing and refuses what is new, of sessions too. So no job is taken in above
``NO_NEW_JOBS`` of its memory and no large result kept above ``NO_RESULTS``, and the jobs of one tenant
hold at most its share of the former: their arguments until they end, their answers, their results.
"""

from typing import TYPE_CHECKING

from mcp_swarm.isolation import shares
from mcp_swarm.jobs.errors import JobError
from mcp_swarm.redis.job_scripts import SMALL

if TYPE_CHECKING:
    from mcp_swarm.config import Settings
    from mcp_swarm.jobs.repository import JobRepository
    from mcp_swarm.redis.jobs import Share

# Shares of Redis's memory in use: see above.
NO_NEW_JOBS, NO_RESULTS = 0.75, 0.9

# Bytes of jobs in this process (``memory://``), and in a Redis without a limit.
IN_PROCESS, WITHOUT_LIMIT = 64 << 20, 256 << 20

# What the caller of a job reads whose result is not kept.
TOO_LARGE = (
    "Its result has {} bytes, for which the store has no room now, or which is more than jobs of yours "
    "may hold together."
)


class Room:
    """What there is for jobs.

    Args:
        settings: of this process.
        repository: of the jobs.
    """

    def __init__(self, settings: "Settings", repository: "JobRepository") -> None:
        self._settings = settings
        self._repository = repository

    async def share(self) -> "Share":
        """A tenant's, for a new job.

        Raises:
            JobError: full; results that expire, and jobs that end, make room.
        """
        from mcp_swarm.redis.jobs import Share

        used, allowed = await self._memory()
        if allowed and used > NO_NEW_JOBS * allowed:
            message = (
                f"The store of jobs is full: {used / allowed:.0%} are in use. Try again in 60 s."
            )
            raise JobError("full", message, 60.0)
        queued = shares.share(self._settings.mcp_task_queue_limit, self._settings)
        return Share(queued, self._bytes(allowed))

    async def for_result(self, size: int) -> int | None:
        """Bytes that a tenant's jobs may hold with a result of `size`; None for as many as they like.

        It is 0 if the store has no room for such a result.
        """
        if size <= SMALL:  # it is always kept
            return None
        used, allowed = await self._memory()
        return 0 if allowed and used > NO_RESULTS * allowed else self._bytes(allowed)

    async def _memory(self) -> tuple[int, int]:
        return await self._repository.memory() if self._settings.is_shared else (0, 0)

    def _bytes(self, allowed: int) -> int:
        room = int(NO_NEW_JOBS * allowed) if allowed else WITHOUT_LIMIT
        return shares.share(room if self._settings.is_shared else IN_PROCESS, self._settings)
