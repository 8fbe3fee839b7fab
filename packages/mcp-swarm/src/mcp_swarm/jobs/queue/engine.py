"""The queue of jobs and its workers, on Docket.

Docket carries only the id of a job; the encrypted record is in the store. Docket is loaded when it
is needed: at the start with a shared Redis, else with the first job.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mcp_swarm.config import Settings
from mcp_swarm.framework import docket as framework_docket
from mcp_swarm.isolation import is_cancelled

if TYPE_CHECKING:
    from docket import Docket, Worker
    from docket.execution import Execution

logger = logging.getLogger(__name__)

# Seconds that a run has to end after it was cancelled.
STOP_SECONDS = 5.0
# Seconds for the last commands to Redis. If it hangs they are skipped: a worker without heartbeats is
# considered dead, and its jobs are delivered again.
CLOSE_SECONDS = 2.0


class PutBack(Exception):
    """Raised by an engine's `run`: the job is queued again after `after` seconds."""

    def __init__(self, after: float) -> None:
        super().__init__(f"back into the queue for {after:g} s")
        self.after = after


class Engine:
    """A queue of job ids, and a worker on it if this process runs jobs.

    Args:
        settings: of this process.
        works: whether this process runs jobs.
        run: runs the job with that id; may raise PutBack. Its second argument says whether the job
            was delivered before.
    """

    def __init__(
        self, settings: Settings, *, works: bool, run: Callable[[str, bool], Awaitable[None]]
    ) -> None:
        self._settings = settings
        self.works = works
        self._run = run
        self._wanted, self._stopping = asyncio.Event(), asyncio.Event()
        self._worker: Worker | None = None
        self._idle = asyncio.Event()  # no worker runs here
        self._idle.set()
        self._docket: Docket | None = None
        self._opened = asyncio.Event()
        self.ending = False  # the drain is over: jobs that still run are queued again

    @property
    def is_open(self) -> bool:
        """Whether Docket has been needed yet."""
        return self._opened.is_set()

    async def docket(self) -> "Docket":
        """Returns the open Docket. The first call opens it."""
        self._wanted.set()
        await self._opened.wait()
        assert self._docket is not None
        return self._docket

    async def add(self, job_id: str, tenant: str) -> None:
        """Queues a job. A job that is queued already, or runs, stays as it is."""
        await (await self.docket()).add("job", key=job_id)(tenant=tenant)

    async def add_again(self, job_id: str, tenant: str) -> None:
        """Queues a job again. Its last run has ended, which Docket may not know yet."""
        docket = await self.docket()
        await docket.replace("job", when=datetime.now(UTC), key=job_id)(tenant=tenant)

    async def cancel(self, job_id: str) -> None:
        """Removes a job from the queue, or makes its worker stop it."""
        await (await self.docket()).cancel(job_id)

    @asynccontextmanager
    async def lifetime(self) -> AsyncIterator["asyncio.Task[None]"]:
        """Runs the queue from the start of the process to its end; first finishes running jobs."""
        # A task of its own, created here so that its context belongs to no request.
        keeper = asyncio.create_task(self._keep(), name="the queue of jobs")
        try:
            yield keeper
        finally:
            self._stopping.set()
            self._wanted.set()
            await self._idle.wait()
            await asyncio.wait({keeper}, timeout=CLOSE_SECONDS)
            if keeper.done():
                await keeper
            else:  # Docket waits for Redis without a timeout, here and everywhere
                if self.is_open:  # else there is nothing to leave
                    logger.warning("the shared store does not answer: the queue is left as it is")
                keeper.cancel()
                await asyncio.wait({keeper}, timeout=CLOSE_SECONDS)

    async def _keep(self) -> None:
        if not self._settings.is_shared and not self._works_from_start():
            await self._wanted.wait()
        if self._stopping.is_set():
            return
        # Not in a thread: if two threads import modules that import each other, Python fails one of
        # them, which was a call. It takes 0.15 s.
        framework_docket.load()
        url, name = self._settings.redis_url, f"{self._settings.mcp_name}:jobs"
        # Docket needs its own record of a job only while the job is in the queue.
        async with framework_docket.make_docket(url, name, timedelta(seconds=60)) as docket:
            docket.tasks.clear()  # removes Docket's samples, such as `sleep`
            docket.register(self._task(), names=["job"])
            self._docket = docket
            self._opened.set()
            if self.works:
                await self._work(docket)
            else:
                await self._stopping.wait()

    def _works_from_start(self) -> bool:
        return self.works and self._settings.is_shared

    def _task(self) -> Callable[..., Awaitable[None]]:
        """Returns the only function that Docket knows, in every release: it runs any job (T10)."""
        from docket import ConcurrencyLimit, CurrentExecution
        from docket.dependencies import AdmissionBlocked

        this: Any = CurrentExecution()
        one_share = ConcurrencyLimit("tenant", max_concurrent=self._settings.mcp_task_tenant_limit)

        async def job(
            tenant: str,
            execution: "Execution" = this,
            share: ConcurrencyLimit = one_share,
        ) -> None:
            del tenant, share  # for Docket, which limits how many jobs of a tenant run at once
            try:
                await self._run(execution.key, execution.redelivered)
            except PutBack as back:
                after = back.after
            except BaseException as error:  # a bug of ours: the job is not done
                if is_cancelled(error):
                    raise
                logger.exception("job %s could not be run", execution.key)
                after = self._settings.mcp_task_redelivery_seconds
            else:
                return
            raise AdmissionBlocked(execution, "put back", retry_delay=timedelta(seconds=after))

        return job

    @property
    def running(self) -> int:
        """How many jobs this process runs now."""
        return len(framework_docket.running_in(self._worker)) if self._worker else 0

    async def _work(self, docket: "Docket") -> None:
        """Runs jobs until the stop; then finishes the running ones, or queues them again."""
        settings = self._settings
        async with framework_docket.make_worker(
            docket,
            # Two workers on one machine may have the same name and address.
            name=f"{settings.mcp_replica}-{secrets.token_hex(4)}",
            concurrency=settings.mcp_task_concurrency,
            silence=settings.mcp_task_redelivery_seconds,
            reconnection_delay=timedelta(seconds=1),
            minimum_check_interval=timedelta(milliseconds=100),
            schedule_automatic_tasks=False,
        ) as worker:
            self._idle.clear()
            self._worker = worker
            try:
                await self._work_until_stopped(worker)
            finally:
                self._idle.set()

    async def _work_until_stopped(self, worker: "Worker") -> None:
        while not self._stopping.is_set():
            running = asyncio.create_task(worker.run_forever(), name="worker")
            stopping = asyncio.create_task(self._stopping.wait())
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if self._stopping.is_set():
                await self._drain(worker, running)
            elif not running.cancelled() and (error := running.exception()):
                logger.error("the worker ended and is started again", exc_info=error)
                await asyncio.sleep(1)

    def _drain_seconds(self) -> float:
        """Returns the drain time of a worker, or that of a replica if the replica runs jobs."""
        settings = self._settings
        return settings.mcp_task_drain_seconds if settings.is_shared else settings.mcp_drain_seconds

    async def _drain(self, worker: "Worker", running: "asyncio.Task[None]") -> None:
        framework_docket.take_no_more(worker)
        if held := framework_docket.running_in(worker):
            logger.info("draining: %d jobs are still running", len(held))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + max(1.0, self._drain_seconds())
        await asyncio.wait({running}, timeout=1.0)  # a job that was just delivered starts meanwhile
        while (held := framework_docket.running_in(worker)) and loop.time() < deadline:
            await asyncio.wait(held, timeout=deadline - loop.time())
        if held:
            self.ending = True
            logger.warning("putting %d jobs back into the queue", len(held))
            for task in held:
                task.cancel()
        await asyncio.wait({running}, timeout=STOP_SECONDS + 1 if held else CLOSE_SECONDS)
        running.cancel()
        await asyncio.wait({running}, timeout=CLOSE_SECONDS)
