"""Jobs that are run twice, dropped, read or ended by others."""

import asyncio
import json
from datetime import timedelta
from typing import Any

from lab.controls import changed, nothing


def jobs_in_clear() -> None:
    """Records as FastMCP's own tasks keep them (T12)."""
    from mcp_swarm.jobs.encryption import RecordCipher

    RecordCipher.encrypt = lambda self, value, context: json.dumps(value).encode()
    RecordCipher.decrypt = lambda self, encrypted, context: json.loads(encrypted)


def docket_with_pickles() -> None:
    """What Docket reads from Redis with (T12)."""
    import cloudpickle

    from mcp_swarm.framework import docket as framework_docket

    framework_docket.Json = cloudpickle


def docket_without_kept_leases() -> None:
    """Docket's own worker, whose leases end with the drain (T11)."""
    from docket import Worker

    from mcp_swarm.framework import docket as framework_docket

    def own(docket: Any, silence: float, **options: Any) -> Worker:
        return Worker(docket, redelivery_timeout=timedelta(seconds=silence), **options)

    framework_docket.make_worker = own
    framework_docket.PLACE_KEPT = 1


def docket_without_kept_places() -> None:
    """What a lost job had of its tenant's share goes as soon as the job is held for lost."""
    from mcp_swarm.framework import docket as framework_docket

    framework_docket.keep_places, framework_docket.PLACE_KEPT = nothing, 1


def jobs_that_whoever_writes_last_ends() -> None:
    """A worker that was thought dead and is not writes what its run came to."""
    from mcp_swarm.redis import job_scripts

    fence = "if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], 'revision') ~= ARGV[2] then"
    if fence not in job_scripts.MOVE:
        raise LookupError(f"the script has {fence!r} no more")
    job_scripts.MOVE = job_scripts.MOVE.replace(fence, "if false then")


def jobs_of_other_releases_are_dropped() -> None:
    """As Docket does with a function that it does not know (T10)."""
    from mcp_swarm.jobs.runner import Runner

    async def drop(self: Any, job: Any) -> None:
        return None

    Runner._wait_for_its_release = drop  # type: ignore[method-assign]


def jobs_whose_end_nobody_hears() -> None:
    """A worker that hangs once it has written a job's end, before it tells anyone."""
    from mcp_swarm.jobs.runner import Runner

    end = Runner._end

    async def end_and_hang(self: Any, *args: Any, **kwargs: Any) -> None:
        async def hang(job_id: str) -> None:
            await asyncio.Event().wait()

        self._changed = hang
        await end(self, *args, **kwargs)

    Runner._end = end_and_hang  # type: ignore[method-assign]


CONTROLS = {
    "job-encryption": jobs_in_clear,
    "json-payloads": docket_with_pickles,
    "lease-keeping": docket_without_kept_leases,
    "slot-keeping": docket_without_kept_places,
    "job-fencing": jobs_that_whoever_writes_last_ends,
    "job-release": jobs_of_other_releases_are_dropped,
    "job-owner": changed("mcp_swarm.identity", "_hash", lambda *parts: "anyone"),
    "job-news": jobs_whose_end_nobody_hears,
}
