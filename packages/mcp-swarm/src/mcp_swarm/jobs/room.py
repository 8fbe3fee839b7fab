"""The limits on how much of the store jobs may use: in total, and those of one tenant.

A full Redis evicts nothing and rejects new data, also of sessions. So new jobs are rejected above
``NO_NEW_JOBS`` of its memory, and large results above ``NO_RESULTS``. The jobs of one tenant hold at
most its share of ``NO_NEW_JOBS``, with arguments (until they end), answers and results.
"""

from typing import TYPE_CHECKING

from mcp_swarm.isolation import shares
from mcp_swarm.jobs.errors import JobError
from mcp_swarm.redis.job_scripts import SMALL

if TYPE_CHECKING:
    from mcp_swarm.config import Settings
    from mcp_swarm.jobs.repository import JobRepository
    from mcp_swarm.redis.jobs import Share

# Used shares of Redis' memory: see above.
NO_NEW_JOBS, NO_RESULTS = 0.75, 0.9

# Bytes for jobs in this process (``memory://``), and in a Redis without a memory limit.
IN_PROCESS, WITHOUT_LIMIT = 64 << 20, 256 << 20

# The error of a job whose result cannot be kept.
TOO_LARGE = (
    "The result has {} bytes: more than the store has room for now, or more than your jobs may hold "
    "together."
)


class Room:
    """Computes how much room the store has for jobs.

    Args:
        settings: of this process.
        repository: of the jobs.
    """

    def __init__(self, settings: "Settings", repository: "JobRepository") -> None:
        self._settings = settings
        self._repository = repository

    async def share(self) -> "Share":
        """Returns the tenant's share for a new job.

        Raises:
            JobError: full, until results expire or jobs end.
        """
        from mcp_swarm.redis.jobs import Share

        used, allowed = await self._memory()
        if allowed and used > NO_NEW_JOBS * allowed:
            message = (
                f"The store of jobs is full: {used / allowed:.0%} is in use. Try again in 60 s."
            )
            raise JobError("full", message, 60.0)
        queued = shares.share(self._settings.mcp_task_queue_limit, self._settings)
        return Share(queued, self._bytes(allowed))

    async def for_result(self, size: int) -> int | None:
        """Returns the bytes that a tenant's jobs may hold with a result of `size`; None: no limit.

        Returns 0 if the store has no room for such a result.
        """
        if size <= SMALL:  # a small result is always kept
            return None
        used, allowed = await self._memory()
        return 0 if allowed and used > NO_RESULTS * allowed else self._bytes(allowed)

    async def _memory(self) -> tuple[int, int]:
        return await self._repository.memory() if self._settings.is_shared else (0, 0)

    def _bytes(self, allowed: int) -> int:
        room = int(NO_NEW_JOBS * allowed) if allowed else WITHOUT_LIMIT
        return shares.share(room if self._settings.is_shared else IN_PROCESS, self._settings)
