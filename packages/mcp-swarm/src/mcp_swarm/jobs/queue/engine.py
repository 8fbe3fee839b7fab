"""Docket as this service uses it: the queue, its delivery, its workers.

Docket carries the id of a job and nothing else; what a job is lies sealed in the store. It is
loaded when it is needed: at start with a shared Redis, with the first job else.
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

# Seconds that a run is given to end once it is told to.
TO_END = 5.0
# Seconds for what is said to Redis in the end. If it hangs, it is left unsaid: whoever is silent
# is held for dead, and what it held is delivered again.
TO_LEAVE = 2.0


class PutBack(Exception):
    """Raised by `run` of an engine: the job goes back into the queue, `after` seconds."""

    def __init__(self, after: float) -> None:
        super().__init__(f"back into the queue for {after:g} s")
        self.after = after


class Engine:
    """A queue of job ids, and a worker on it if this process shall be one.

    Args:
        settings: of this process.
        works: whether this process runs jobs.
        run: runs the job of that id; may raise PutBack. Told whether it was delivered before.
    """

    def __init__(
        self, settings: Settings, *, works: bool, run: Callable[[str, bool], Awaitable[None]]
    ) -> None:
        self._settings = settings
        self.works = works
        self._run = run
        self._wanted, self._stopping = asyncio.Event(), asyncio.Event()
        self._idle = asyncio.Event()  # no worker is at work here
        self._idle.set()
        self._docket: Docket | None = None
        self._opened = asyncio.Event()
        self.ending = False  # the drain is over: what runs now goes back into the queue

    @property
    def is_open(self) -> bool:
        """Whether Docket has been needed yet."""
        return self._opened.is_set()

    async def docket(self) -> "Docket":
        """The open Docket; the first caller makes it open."""
        self._wanted.set()
        await self._opened.wait()
        assert self._docket is not None
        return self._docket

    async def add(self, job_id: str, tenant: str) -> None:
        """Puts a job into the queue; one that is there already, or runs, stays as it is."""
        await (await self.docket()).add("job", key=job_id)(tenant=tenant)

    async def add_again(self, job_id: str, tenant: str) -> None:
        """As `add`, for a job whose last run has written its end: Docket may not know that yet."""
        docket = await self.docket()
        await docket.replace("job", when=datetime.now(UTC), key=job_id)(tenant=tenant)

    async def cancel(self, job_id: str) -> None:
        """Takes a job out of the queue, or has its worker stop it."""
        await (await self.docket()).cancel(job_id)

    @asynccontextmanager
    async def lifetime(self) -> AsyncIterator["asyncio.Task[None]"]:
        """From the start of the process to its end; jobs that run are finished first."""
        # A task of its own, made here: its context is nobody's request.
        keeper = asyncio.create_task(self._keep(), name="the queue of jobs")
        try:
            yield keeper
        finally:
            self._stopping.set()
            self._wanted.set()
            await self._idle.wait()
            await asyncio.wait({keeper}, timeout=TO_LEAVE)
            if keeper.done():
                await keeper
            else:  # Docket waits for Redis without a limit, here and wherever it asks it
                if self.is_open:  # else nothing was reached that could be left
                    logger.warning("the shared store does not answer: the queue is left as it is")
                keeper.cancel()
                await asyncio.wait({keeper}, timeout=TO_LEAVE)

    async def _keep(self) -> None:
        if not self._settings.is_shared and not self._works_from_start():
            await self._wanted.wait()
        if self._stopping.is_set():
            return
        # Not in a thread: of two that import what imports each other, Python fails one, and that
        # was a call. It takes 0.15 s.
        framework_docket.load()
        url, name = self._settings.redis_url, f"{self._settings.mcp_name}:jobs"
        # Docket's own record of a job is needed only while it is in the queue.
        async with framework_docket.make_docket(url, name, timedelta(seconds=60)) as docket:
            docket.tasks.clear()  # Docket's samples: nobody shall queue a `sleep`
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
        """The one function that Docket knows, in every release: no job is unknown to it (T10)."""
        from docket import ConcurrencyLimit, CurrentExecution
        from docket.dependencies import AdmissionBlocked

        this: Any = CurrentExecution()
        one_share = ConcurrencyLimit("tenant", max_concurrent=self._settings.mcp_task_tenant_limit)

        async def job(
            tenant: str,
            execution: "Execution" = this,
            share: ConcurrencyLimit = one_share,
        ) -> None:
            del tenant, share  # Docket's: how many of one tenant's jobs run at once
            try:
                await self._run(execution.key, execution.redelivered)
            except PutBack as back:
                after = back.after
            except BaseException as error:  # a fault of ours: the job is not done
                if is_cancelled(error):
                    raise
                logger.exception("job %s could not be run", execution.key)
                after = self._settings.mcp_task_redelivery_seconds
            else:
                return
            raise AdmissionBlocked(execution, "put back", retry_delay=timedelta(seconds=after))

        return job

    async def _work(self, docket: "Docket") -> None:
        """Runs jobs until the stop; then finishes those it runs, or puts them back."""
        settings = self._settings
        async with framework_docket.make_worker(
            docket,
            # Two on one machine may be called the same, and lie at the same address.
            name=f"{settings.mcp_replica}-{secrets.token_hex(4)}",
            concurrency=settings.mcp_task_concurrency,
            silence=settings.mcp_task_redelivery_seconds,
            reconnection_delay=timedelta(seconds=1),
            minimum_check_interval=timedelta(milliseconds=100),
            schedule_automatic_tasks=False,
        ) as worker:
            self._idle.clear()
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
                logger.error("the worker stopped and is started again", exc_info=error)
                await asyncio.sleep(1)

    def _drain_seconds(self) -> float:
        """As long as a worker has, or in a replica as long as the balancer is given."""
        settings = self._settings
        return settings.mcp_task_drain_seconds if settings.is_shared else settings.mcp_drain_seconds

    async def _drain(self, worker: "Worker", running: "asyncio.Task[None]") -> None:
        framework_docket.take_no_more(worker)
        if held := framework_docket.running_in(worker):
            logger.info("draining: %d jobs are still running", len(held))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + max(1.0, self._drain_seconds())
        await asyncio.wait({running}, timeout=1.0)  # what it was just being given has begun then
        while (held := framework_docket.running_in(worker)) and loop.time() < deadline:
            await asyncio.wait(held, timeout=deadline - loop.time())
        if held:
            self.ending = True
            logger.warning("putting %d jobs back into the queue", len(held))
            for task in held:
                task.cancel()
        await asyncio.wait({running}, timeout=TO_END + 1 if held else TO_LEAVE)
        running.cancel()
        await asyncio.wait({running}, timeout=TO_LEAVE)
