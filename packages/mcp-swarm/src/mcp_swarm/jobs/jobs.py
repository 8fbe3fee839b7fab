"""Jobs as their owners see them: submit, follow, answer, cancel. Every API of jobs calls this one.

The ``MCP_TASK_*`` settings are its limits. With ``memory://`` this process runs the jobs; with a
shared Redis the workers run them (``python -m server worker``). ``overview`` returns the figures of
the queue and of each tool.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fastmcp import FastMCP
from pydantic import ValidationError as PydanticValidationError

from mcp_swarm import identity
from mcp_swarm.config import Settings
from mcp_swarm.framework.components import Around
from mcp_swarm.jobs import submission
from mcp_swarm.jobs.context import parsed_answer
from mcp_swarm.jobs.encryption import DecryptionError, RecordCipher
from mcp_swarm.jobs.errors import JobError
from mcp_swarm.jobs.job import DROPPED, FINAL, OPEN, Job
from mcp_swarm.jobs.queue.engine import Engine

if TYPE_CHECKING:
    from mcp_swarm.jobs.repository import JobRepository
    from mcp_swarm.jobs.room import Room
    from mcp_swarm.jobs.runner import Runner
    from mcp_swarm.redis import Store
    from mcp_swarm.redis.jobs import JobStore

logger = logging.getLogger(__name__)

Changed = Callable[[str], Awaitable[None]]


class Jobs:
    """The background work of one process.

    Args:
        mcp: the server whose tools the jobs run.
        store: the shared Redis; None keeps everything in this process.
        around: runs a job's tool inside its middleware.
        changed: called with the id of each job that this process has changed.
    """

    def __init__(
        self,
        mcp: FastMCP,
        settings: Settings,
        store: "Store | None",
        around: Around,
        changed: Changed,
    ) -> None:
        self._mcp, self._settings, self._shared = mcp, settings, store
        self._around, self._changed = around, changed
        self._made_cipher: RecordCipher | None = None
        self.engine = Engine(settings, works=store is None, run=self._run)

    # Parts that need Redis' client are imported and created with the first job.
    @cached_property
    def repository(self) -> "JobRepository":
        """The repository of the jobs."""
        from mcp_swarm.jobs.repository import JobRepository

        return JobRepository(self._store, self._cipher)

    @cached_property
    def room(self) -> "Room":
        """The capacity of the store for jobs."""
        from mcp_swarm.jobs.room import Room

        return Room(self._settings, self.repository)

    @cached_property
    def _runner(self) -> "Runner":
        from mcp_swarm.jobs.runner import Runner

        return Runner(
            self._mcp,
            self._settings,
            self.repository,
            self.room,
            around=self._around,
            is_ending=lambda: self.engine.ending,
            changed=self._changed,
        )

    def gauges(self) -> dict[str, float]:
        """Returns the jobs that this process runs."""
        return {"jobs_running": self.engine.running}

    @asynccontextmanager
    async def lifetime(self) -> AsyncIterator[list["asyncio.Task[None]"]]:
        """Runs from start to end of the process; at the end finishes its jobs or requeues them."""
        async with AsyncExitStack() as stack:
            tasks = [await stack.enter_async_context(self.engine.lifetime())]
            if self.engine.works and self._shared is not None:
                from mcp_swarm.jobs.queue.sweeper import Sweeper

                sweeper = Sweeper(self._settings, self.repository, self.engine, self._store)
                tasks.append(await stack.enter_async_context(sweeper.lifetime()))
            yield tasks

    async def submit(
        self,
        tool_name: str,
        arguments: dict[str, Any],
        key: str | None = None,
        capabilities: dict[str, Any] | None = None,
    ) -> Job:
        """Queues a call of a tool.

        Args:
            tool_name: of a tool with ``task=``.
            arguments: of the tool.
            key: idempotency key: the same key with the same call returns the same job.
            capabilities: of the client, if it declares any; they limit what the tool may ask.

        Raises:
            JobError: unknown (tool), invalid (arguments), full (queue, or too many of the caller's
                jobs wait for input), conflict (key).
        """
        tool = await submission.find_tool(self._mcp, tool_name)
        submission.validate(tool, arguments)
        job = submission.new_job(tool.name, arguments, capabilities)
        digest = submission.digest
        repeat = (f"{job.owner}:{digest(key)}", digest([tool.name, arguments])) if key else None
        share = await self.room.share()
        kind, value = await self.repository.add(
            job, limit=self._settings.mcp_task_queue_limit, share=share, repeat=repeat
        )
        usual = await self.repository.usual_seconds(tool.name) if kind == "full" else None
        if refused := submission.refused(kind, value, usual):
            raise refused
        if kind == "other":
            raise JobError("conflict", f"The idempotency key {key!r} was used for another call.")
        if kind == "known":
            job = await self.find(value)
        if job.state == "queued":  # also on a retry: the first attempt may have failed before this
            await self.engine.add(job.id, job.tenant)
        return job

    async def find(self, job_id: str) -> Job:
        """Returns the caller's job with that id.

        Raises:
            JobError: unknown, also for another caller's job; or unreadable.
        """
        try:
            job = await self.repository.find(job_id) if self._exists() else None
        except DecryptionError as error:
            logger.warning("job %s: %s", job_id, error)
            message = f"Job {job_id!r} was encrypted with a key that this server does not have."
            raise JobError("unreadable", message) from None
        if job is None or not identity.current().owns(job.owner, job.tenant):
            raise JobError(
                "unknown",
                f"You have no job {job_id!r}. Results are kept for "
                f"{self._settings.mcp_task_result_seconds:g} s.",
            )
        return job

    async def status(self, job_id: str) -> dict[str, Any]:
        """Returns ``Job.status``, with an estimate from earlier jobs of the tool.

        Raises:
            JobError: unknown.
        """
        job = await self.find(job_id)
        return job.status(await self.repository.usual_seconds(job.tool))

    async def result(self, job_id: str) -> dict[str, Any]:
        """Returns the tool's CallToolResult as JSON.

        Raises:
            JobError: unknown, or unfinished.
        """
        job = await self.find(job_id)
        if job.state not in FINAL:
            after = 1.0 if job.state == "running" else 2.0
            raise JobError("unfinished", f"Job {job_id!r} is {job.state}: poll its status.", after)
        outcome = job.outcome or {"error": {"message": "The job was cancelled."}}
        if "result" in outcome:
            return dict(outcome["result"])
        return {"content": [{"type": "text", "text": outcome["error"]["message"]}], "isError": True}

    async def cancel(self, job_id: str) -> Job:
        """Cancels a job. A finished job stays as it is.

        Raises:
            JobError: unknown.
        """
        job = await self.find(job_id)
        now = time.time()
        moved = await self.repository.move(
            job,
            {"state": "cancelled", "ended": now, "updated": now, **DROPPED},
            from_any=OPEN,
            ttl=self._settings.mcp_task_result_seconds,
            figures={"cancelled": 1},
        )
        if moved in ("ok", "cancelled"):  # also on a retry: the first attempt may have failed here
            await self.engine.cancel(job.id)
            await self._changed(job.id)
        return job

    async def answer(self, job_id: str, responses: dict[str, Any]) -> Job:
        """Passes answers to a job, which continues once it has all of them.

        Args:
            job_id: of the caller's job.
            responses: by the keys of its ``input_requests``; other keys are ignored (SEP-2663).

        Raises:
            JobError: unknown, or invalid.
        """
        while True:
            job = await self.find(job_id)
            open_requests, asked = job.input_requests() or {}, job.asked or {}
            answers = job.answers or {"given": {}, "state": None}
            given = dict(answers["given"])
            for key in responses.keys() & open_requests.keys():
                method = open_requests[key].get("method", "elicitation/create")
                try:
                    parsed_answer(method, responses[key])
                except PydanticValidationError:
                    message = f"The response {key!r} is not a valid answer to {method}."
                    raise JobError("invalid", message) from None
                given[asked[key]["name"]] = {"method": method, "result": responses[key]}
            if given == answers["given"]:
                if job.state == "queued":
                    await self.engine.add(job.id, job.tenant)
                return job
            merged = {**answers, "given": given}
            update: dict[str, Any] = {"answers": merged, "updated": time.time()}
            complete = len(given) == len(asked)
            if complete:
                update |= {"state": "queued", "asked": None}
            into = "queued" if complete else "asking"
            if await self.repository.move(job, update, into=into) == "ok":
                if complete:
                    await self.engine.add_again(job.id, job.tenant)
                await self._changed(job.id)
                return job

    async def retry(self, job_id: str) -> bool:
        """Queues a failed job again.

        False if the job has not failed, or its arguments were too large to keep.
        """
        job = await self.repository.find(job_id)
        if job is None or not (job.state == "failed" or job.is_error) or not job.call:
            return False
        update = {"state": "queued", "outcome": None, "ended": 0.0, "updated": time.time()}
        update |= {"tries": 0, "starts": 0, "returns": 0}
        if await self.repository.move(job, update, into="queued") != "ok":
            return False
        await self.engine.add_again(job.id, job.tenant)
        await self._changed(job.id)
        return True

    async def overview(self) -> dict[str, Any]:
        """Returns how many jobs are queued, running and failed, and each tool's figures."""
        tools = [tool.name for tool in await self._mcp.get_tasks()] if self._exists() else []
        counts = {
            which: await self.repository.count(which) if self._exists() else 0
            for which in ("queued", "running", "failed")
        }
        return {**counts, "tools": {name: await self.repository.figures(name) for name in tools}}

    def _exists(self) -> bool:
        """Whether there can be a job: with ``memory://`` only after the first was submitted."""
        return self._shared is not None or self.engine.is_open

    async def _run(self, job_id: str, redelivered: bool) -> None:
        await self._runner.run(job_id, redelivered)

    async def _store(self) -> "JobStore":
        from mcp_swarm.redis.jobs import JobStore

        if self._shared is not None:
            return JobStore(self._shared.redis, self._settings.mcp_name)
        async with (await self.engine.docket()).redis() as embedded:
            return JobStore(embedded, self._settings.mcp_name)

    def _cipher(self) -> RecordCipher:
        if self._made_cipher is None:
            keys = [key.get_secret_value() for key in self._settings.mcp_request_state_keys]
            self._made_cipher = RecordCipher([key.encode() for key in keys] or [os.urandom(32)])
        return self._made_cipher
