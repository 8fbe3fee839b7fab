"""Runs a job's tool, while the worker sends heartbeats.

The store decides which worker runs a job. The job's ``revision`` is a fencing token: it grows with
each new worker, and writes of an older revision fail. So a worker that was considered dead, but lives,
cannot change the job.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import mcp_types as types
from fastmcp import FastMCP
from fastmcp.exceptions import NotFoundError
from fastmcp.server.middleware import MiddlewareContext
from fastmcp.tools.base import InputRequiredToolResult, Tool, ToolResult
from mcp.shared.exceptions import MCPError
from redis.exceptions import RedisError

from mcp_swarm import identity
from mcp_swarm.config import Settings
from mcp_swarm.errors import JOB_GIVEN_UP, JOB_OVER_LIMIT
from mcp_swarm.framework.components import Around
from mcp_swarm.jobs import outcome
from mcp_swarm.jobs.context import JobContext, Reported, enter_job
from mcp_swarm.jobs.encryption import DecryptionError
from mcp_swarm.jobs.job import DROPPED, KEPT_CALL, Job, State
from mcp_swarm.jobs.queue.engine import STOP_SECONDS, PutBack
from mcp_swarm.jobs.repository import JobRepository
from mcp_swarm.jobs.room import TOO_LARGE, Room

logger = logging.getLogger(__name__)

# Seconds that a job waits for a worker whose release has its tool, before it fails.
FOR_THE_RIGHT_RELEASE = 3600.0

# Seconds between heartbeats, which also write the progress.
HEARTBEAT_EVERY = 0.5


class Runner:
    """Runs jobs by id.

    Args:
        mcp: the server whose tools the jobs run.
        repository: of the jobs.
        room: for their results.
        around: runs the tool inside its middleware.
        is_ending: whether this process stops its jobs and requeues them.
        changed: called with the id of each job that has changed.
    """

    def __init__(
        self,
        mcp: FastMCP,
        settings: Settings,
        repository: JobRepository,
        room: Room,
        *,
        around: Around,
        is_ending: Callable[[], bool],
        changed: Callable[[str], Awaitable[None]],
    ) -> None:
        self._mcp = mcp
        self._settings = settings
        self._repository = repository
        self._room = room
        self._around = around
        self._is_ending = is_ending
        self._changed = changed

    async def run(self, job_id: str, redelivered: bool) -> None:
        """Runs the job to its end, unless it has ended or another worker runs it.

        Args:
            job_id: of the job.
            redelivered: whether the queue delivers it again, because its worker was lost.

        Raises:
            PutBack: the queue must deliver it again later.
        """
        try:
            job = await self._take(job_id, redelivered)
        except (RedisError, MCPError, DecryptionError) as error:
            logger.warning("job %s cannot be started: %s", job_id, error)
            raise PutBack(self._settings.mcp_task_redelivery_seconds) from None
        if job is None:
            if redelivered:  # its worker may have been lost before it notified anyone of the end
                await self._changed(job_id)
            return
        if job.lost > self._settings.mcp_task_attempts:  # includes this start, until it ends
            message = f"{job.lost - 1} workers were lost while they ran it: it is not retried."
            await self._fail(job, JOB_GIVEN_UP, message)
            return
        tool = await self._tool(job)
        if tool is None:
            await self._wait_for_its_release(job)
            return
        await self._changed(job.id)
        reported = Reported()
        call = asyncio.create_task(self._call(job, tool, reported), name=f"job {job.id}")
        try:
            if not await self._watch(job, call, reported):
                return  # it was cancelled, or another worker has it: there is nothing to write
        except asyncio.CancelledError:
            await _end(call)
            if self._is_ending():
                job.returns += 1
                await self._put_back(job, after=0, message="its worker was stopped")
            raise
        await self._settle(job, call)

    async def _take(self, job_id: str, redelivered: bool) -> Job | None:
        """Takes the job for this worker and returns it; None if there is nothing to do."""
        now = time.time()
        job = await self._repository.find(job_id)
        if job is None or job.state not in ("queued", "running"):
            return None
        silent = now - job.beat > self._settings.mcp_task_redelivery_seconds
        if job.state == "running" and not redelivered and not silent:
            raise PutBack(self._settings.mcp_task_redelivery_seconds)
        update: dict[str, Any] = {"state": "running", "started": now, "beat": now, "updated": now}
        update |= {"starts": job.starts + 1, "worker": self._settings.mcp_replica}
        update |= {"progress": None, "total": None}  # of a start before this one
        # Waited since it was queued: the first time, or again after it had failed.
        figures = {} if job.starts else {"started": 1, "waited_ms": 1000 * (now - job.updated)}
        moved = await self._repository.move(job, update, into="running", figures=figures)
        if moved != "ok":
            raise PutBack(0.1)  # it has just changed: try again
        return job

    async def _tool(self, job: Job) -> Tool | None:
        """Returns the tool, if this release has it and it takes these arguments (T10)."""
        identity.act_as(job.call["caller"])  # a tool may be restricted to some callers
        try:
            tool = await self._mcp.get_tool(job.tool)
        except NotFoundError:
            return None
        known = set(tool.parameters.get("properties", {})) if tool else set()
        return tool if tool and set(job.call["arguments"]) <= known else None

    async def _wait_for_its_release(self, job: Job) -> None:
        job.unknown_since = job.unknown_since or time.time()
        if time.time() - job.unknown_since > FOR_THE_RIGHT_RELEASE:
            message = f"No worker has had the tool {job.tool!r} for an hour: was it removed?"
            await self._fail(job, JOB_GIVEN_UP, message)
            return
        job.returns += 1
        await self._put_back(job, after=1, message="waits for a worker of its own release")

    async def _call(self, job: Job, tool: Tool, reported: Reported) -> ToolResult:
        """Returns the tool's result, from a call in a context of its own."""
        enter_job(job)
        async with JobContext(self._mcp, job, reported) as context:
            try:
                # A tool's own timeout goes first (T8: FastMCP ignores it in tasks).
                own = getattr(tool, "timeout", None)
                limit = None if own else self._settings.mcp_task_limit_seconds
                async with asyncio.timeout(limit) as scope:
                    return await self._with_middleware(job, tool, context)
            except TimeoutError:
                if not scope.expired():
                    raise
                message = f"The job ran longer than its limit of {limit:g} s and was stopped."
                raise MCPError(JOB_OVER_LIMIT, message) from None
            finally:
                await context.leave()

    async def _with_middleware(self, job: Job, tool: Tool, context: JobContext) -> ToolResult:
        params = types.CallToolRequestParams(name=job.tool, arguments=job.call["arguments"])
        message = MiddlewareContext(
            message=params, fastmcp_context=context, method="tools/call", type="request"
        )
        return await self._around(message, lambda asked: tool.run(asked.message.arguments or {}))

    async def _watch(self, job: Job, call: "asyncio.Task[Any]", reported: Reported) -> bool:
        """Sends heartbeats until `call` is done; False if the job must stop."""
        while not (await asyncio.wait({call}, timeout=HEARTBEAT_EVERY))[0]:
            update: dict[str, Any] = {"beat": time.time()}
            if reported.is_new:
                reported.is_new = False
                update |= {"progress": reported.progress, "total": reported.total}
                update |= {"message": reported.message, "updated": update["beat"]}
            try:
                state = await self._repository.move(job, update, into="running", same_worker=True)
            except (RedisError, MCPError):
                continue  # Redis is unavailable: the job goes on, and reports its progress later
            if state != "ok":
                logger.info("job %s stops: it is %s", job.id, state)
                await _end(call)
                return False
            if "progress" in update:
                await self._changed(job.id)
        job.progress, job.total, job.message = reported.progress, reported.total, reported.message
        return True

    async def _settle(self, job: Job, call: "asyncio.Task[ToolResult]") -> None:
        """Writes the outcome."""
        error = call.exception() if not call.cancelled() else asyncio.CancelledError()
        if error is None:
            result = call.result()
            if isinstance(result, InputRequiredToolResult):
                await self._ask(job, result.input_required)
                return
            payload, bad = outcome.written(job.tool, job.id, result)
            if (size := outcome.size(payload)) > (limit := self._settings.mcp_task_result_limit):
                message = f"The result has {size} bytes, more than {limit} (MCP_TASK_RESULT_LIMIT)."
                await self._fail(job, JOB_OVER_LIMIT, message)
            elif not await self._end(job, "completed", {"result": payload}, bad=bad, size=size):
                await self._fail(job, JOB_OVER_LIMIT, TOO_LARGE.format(size))
            return
        retryable, after = outcome.is_retryable(error)
        if retryable and job.tries + 1 < self._settings.mcp_task_attempts:
            job.tries += 1
            pause = after if after is not None else outcome.pause(job.tries)
            logger.warning("job %s failed and is retried in %.1f s: %s", job.id, pause, error)
            await self._put_back(job, after=pause, message=f"retried after: {error}")
        elif isinstance(error, MCPError):
            await self._fail(job, error.error.code, error.error.message, error.error.data)
        else:
            payload = outcome.wire(outcome.error_result(job.tool, job.id, error))
            await self._end(job, "completed", {"result": payload}, bad=True)

    async def _ask(self, job: Job, asked: types.InputRequiredResult) -> None:
        """Stores the questions. The worker is free until the user has answered."""
        requests = {
            secrets.token_urlsafe(16): {
                "name": name,
                "request": request.model_dump(by_alias=True, mode="json", exclude_none=True),
            }
            for name, request in (asked.input_requests or {}).items()
        }
        if not requests:
            message = f"Tool {job.tool!r} asked for input without a single request."
            await self._fail(job, JOB_GIVEN_UP, message)
            return
        answers = {"given": dict[str, Any](), "state": asked.request_state}
        update: dict[str, Any] = {"state": "input_required", "asked": requests, "answers": answers}
        update |= {"returns": job.returns + 1}
        await self._write(job, update, into="asking")

    async def _put_back(self, job: Job, *, after: float, message: str) -> None:
        update: dict[str, Any] = {"state": "queued", "message": message, "tries": job.tries}
        update |= {"returns": job.returns, "unknown_since": job.unknown_since}
        if await self._write(job, update, into="queued", score=time.time() + after):
            raise PutBack(after)

    async def _fail(self, job: Job, code: int, message: str, data: Any = None) -> None:
        error = {"code": code, "message": message} | ({"data": data} if data is not None else {})
        await self._end(job, "failed", {"error": error}, bad=True)

    async def _end(
        self, job: Job, state: State, result: dict[str, Any], *, bad: bool, size: int = 0
    ) -> bool:
        """Writes the end; False if a result of `size` bytes is too large for the store."""
        now = time.time()
        update = {"progress": job.progress, "total": job.total, "message": job.message, **DROPPED}
        if bad and outcome.size(job.call) <= KEPT_CALL:
            update.pop("call")
        max_bytes = None
        with suppress(RedisError, MCPError):  # Redis is unavailable: `_write` waits for it
            if (max_bytes := await self._room.for_result(size)) == 0:
                return False
        return await self._write(
            job,
            {"state": state, "ended": now, "outcome": result, **update},
            into="failed" if bad else "",
            ttl=self._settings.mcp_task_result_seconds,
            figures={"failed" if bad else "completed": 1, "ran_ms": 1000 * (now - job.started)},
            max_bytes=max_bytes,
        )

    async def _write(self, job: Job, fields: dict[str, Any], **where: Any) -> bool:
        """Writes the change, and retries as long as Redis is unavailable: the work is done."""
        where["token"] = secrets.token_hex(8)  # a write whose answer was lost may have happened
        while True:
            try:
                update = {**fields, "updated": time.time()}
                moved = await self._repository.move(job, update, **where)
            except (RedisError, MCPError) as error:
                logger.warning("job %s cannot be written yet: %s", job.id, error)
                await asyncio.sleep(HEARTBEAT_EVERY)
                continue
            if moved == "ok":
                await self._changed(job.id)
            else:
                logger.warning("the outcome of job %s is dropped: the job is %s", job.id, moved)
            return moved == "ok"


async def _end(call: "asyncio.Task[Any]") -> None:
    """Stops the tool. One that does not stop keeps running."""
    call.cancel()
    await asyncio.wait({call}, timeout=STOP_SECONDS)
    if call.done() and not call.cancelled():
        call.exception()  # else asyncio logs that nobody retrieved it
