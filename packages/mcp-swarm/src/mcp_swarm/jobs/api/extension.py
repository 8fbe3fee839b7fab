"""The tasks extension of protocol 2026-07-28 (SEP-2663): ``io.modelcontextprotocol/tasks``.

FastMCP's own extension stores tokens, arguments and answers unencrypted and loads Docket at the
start. This one implements the same protocol on our jobs, with encrypted records. Its rules on which
call becomes a task are FastMCP's.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import mcp_types as types
from fastmcp import Context
from fastmcp.server.dependencies import get_http_request
from fastmcp.server.extensions import (
    MethodBinding,
    ServerExtension,
    ToolCallContinuation,
)
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import Tool
from fastmcp.utilities.tasks import TASKS_EXTENSION_ID
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp_types.jsonrpc import HEADER_MISMATCH, MISSING_REQUIRED_CLIENT_CAPABILITY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field

from mcp_swarm.errors import QUEUE_FULL
from mcp_swarm.framework import is_client_tool_call, let_task_results_out
from mcp_swarm.isolation import shares
from mcp_swarm.jobs.errors import JobError
from mcp_swarm.jobs.handover import HandedOver
from mcp_swarm.jobs.job import Job, stamp, uri_of
from mcp_swarm.jobs.jobs import Jobs

VERSIONS = frozenset(MODERN_PROTOCOL_VERSIONS)

# In a request's _meta: the same key with the same call returns the same task.
IDEMPOTENCY_KEY = "mcp-swarm/idempotencyKey"

_STATES = {"queued": "working", "running": "working"}


class TaskParams(types.RequestParams):
    """Parameters of tasks/get and tasks/cancel."""

    task_id: str = Field(alias="taskId")


class TaskUpdateParams(TaskParams):
    """Parameters of tasks/update."""

    input_responses: dict[str, Any] = Field(alias="inputResponses")


class TasksExtension(ServerExtension):
    """Creates tasks from ``tools/call``; serves tasks/get, tasks/update, tasks/cancel.

    Args:
        jobs: the jobs behind the tasks.
        result_seconds: how long a result is kept.
    """

    identifier = TASKS_EXTENSION_ID

    def __init__(self, jobs: Jobs, result_seconds: float) -> None:
        self._jobs = jobs
        self._result_seconds = result_seconds

    def methods(self) -> Sequence[MethodBinding]:
        return [
            MethodBinding("tasks/get", TaskParams, self._get, VERSIONS),
            MethodBinding("tasks/update", TaskUpdateParams, self._update, VERSIONS),
            MethodBinding("tasks/cancel", TaskParams, self._cancel, VERSIONS),
        ]

    async def intercept_tool_call(
        self,
        params: types.CallToolRequestParams,
        context: Context,
        call_next: ToolCallContinuation,
    ) -> Any:
        """Returns a task instead of a result, if the tool and the client support it (SEP-2663)."""
        tool = await context.fastmcp.get_tool(params.name)
        if tool is None or not tool.task_config.supports_tasks() or not is_client_tool_call():
            return await call_next()
        if knows_tasks(context):
            request = context.request_context  # the message here has no `_meta`
            key = (request.meta or {}).get(IDEMPOTENCY_KEY) if request else None
            can = context.session.client_capabilities
            declared = can.model_dump(mode="json", by_alias=True, exclude_none=True) if can else {}
            shares.check_kept(declared, "clientCapabilities")
            return await self._create(tool, params.arguments or {}, str(key or ""), declared)
        if tool.task_config.mode == "required":
            raise _missing_capability(f"Tool {tool.name!r} only runs in the background")
        return await call_next()

    async def _create(
        self, tool: Tool, arguments: dict[str, Any], key: str, declared: dict[str, Any]
    ) -> Any:
        try:
            job = await self._jobs.submit(tool.name, arguments, key or None, declared)
        except JobError as error:
            raise _as_mcp(error) from None
        return self.created(job, tool)

    def created(self, job: Job, tool: Tool) -> dict[str, Any]:
        """Returns the response to a call that has become a task."""
        let_task_results_out()
        return {"resultType": "task", **self._task(job, tool)}

    async def followed(
        self, ctx: ServerRequestContext[Any, Any], task_ids: list[str]
    ) -> dict[str, str]:
        """Returns those of the caller's tasks, by the URI of their events: for subscriptions/listen.

        Raises:
            MCPError: -32021 the request does not declare the extension.
        """
        self._declared(ctx)
        found = {}
        for task_id in task_ids:
            with suppress(JobError):
                found[uri_of((await self._jobs.find(task_id)).id)] = task_id
        return found

    async def news(self, task_id: str) -> dict[str, Any] | None:
        """Returns the params of ``notifications/tasks``, as tasks/get; None if the task is gone."""
        try:
            return await self._detailed(await self._jobs.find(task_id))
        except JobError:
            return None

    async def _get(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> dict[str, Any]:
        return {"resultType": "complete", **await self._detailed(await self._find(ctx, params))}

    async def _detailed(self, job: Job) -> dict[str, Any]:
        """Returns the task with the fields of its state (SEP-2663, DetailedTask)."""
        payload = self._task(job, await self.server.get_tool(job.tool))
        outcome = job.outcome or {}
        if job.state == "completed":
            payload["result"] = outcome["result"]
        elif job.state == "failed":
            payload["error"] = outcome["error"]
        elif job.state == "input_required":
            payload["inputRequests"] = job.input_requests()
        return payload

    async def _update(
        self, ctx: ServerRequestContext[Any, Any], params: TaskUpdateParams
    ) -> dict[str, Any]:
        await self._find(ctx, params)
        try:
            await self._jobs.answer(params.task_id, params.input_responses)
        except JobError as error:
            raise _as_mcp(error) from None
        return {"resultType": "complete"}

    async def _cancel(
        self, ctx: ServerRequestContext[Any, Any], params: TaskParams
    ) -> dict[str, Any]:
        await self._find(ctx, params)
        await self._jobs.cancel(params.task_id)
        return {"resultType": "complete"}

    async def _find(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> Job:
        """Returns the caller's job, after checks of the declared extension and of the header."""
        self._declared(ctx)
        try:
            named = get_http_request().headers.get(MCP_NAME_HEADER)
        except RuntimeError:  # not over HTTP
            named = None
        if named is not None and decode_header_value(named) != params.task_id:
            message = f"{MCP_NAME_HEADER} names another task than the body's taskId"
            raise MCPError(HEADER_MISMATCH, message)
        try:
            return await self._jobs.find(params.task_id)
        except JobError as error:
            raise _as_mcp(error) from None

    def _declared(self, ctx: ServerRequestContext[Any, Any]) -> None:
        if self.client_settings(ctx) is None:
            raise _missing_capability("Only clients that declare the extension may use tasks")

    def _task(self, job: Job, tool: Tool | None) -> dict[str, Any]:
        """Returns the flat task fields (SEP-2663). Figures of progress are part of the text."""
        payload: dict[str, Any] = {
            "taskId": job.id,
            "status": _STATES.get(job.state, job.state),
            "createdAt": stamp(job.created),
            "lastUpdatedAt": stamp(job.updated),
            "ttlMs": int(self._result_seconds * 1000),
        }
        if tool is not None:
            payload["pollIntervalMs"] = int(tool.task_config.poll_interval.total_seconds() * 1000)
        if message := _spoken(job):
            payload["statusMessage"] = message
        return payload


class AroundRunsMiddleware(Middleware):
    """Runs a middleware of the service's own around calls, but not around the submission of a job.

    A submission has no result yet. The worker runs the middleware around the job.
    """

    def __init__(self, own: Middleware) -> None:
        self._own = own

    async def __call__(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        if context.method == "tools/call" and await _is_submission(context):
            return await call_next(context)
        return await self._own(context, call_next)


async def _is_submission(context: MiddlewareContext[types.CallToolRequestParams]) -> bool:
    asking = context.fastmcp_context
    if asking is None or not is_client_tool_call() or not knows_tasks(asking):
        return False
    tool = await asking.fastmcp.get_tool(context.message.name)
    return tool is not None and tool.task_config.supports_tasks()


class HandOverMiddleware(Middleware):
    """Turns the result of ``hand_over`` into a task, for clients that know tasks."""

    def __init__(self, extension: TasksExtension) -> None:
        self._extension = extension

    async def on_call_tool(
        self,
        context: MiddlewareContext[types.CallToolRequestParams],
        call_next: CallNext[types.CallToolRequestParams, Any],
    ) -> Any:
        result = await call_next(context)
        asking = context.fastmcp_context
        if isinstance(result, HandedOver) and asking and knows_tasks(asking):
            return self._extension.created(result.job, result.tool)
        return result


def knows_tasks(context: Context) -> bool:
    """Returns whether this request declares the extension (SEP-2133: each request does)."""
    request = context.request_context
    if request is None or request.protocol_version not in VERSIONS:
        return False
    return context.client_extension_settings(TASKS_EXTENSION_ID) is not None


def _spoken(job: Job) -> str | None:
    """Returns e.g. ``42%, 120/s, row 4200 of 10000``: the protocol has no field for figures."""
    parts = []
    if job.state == "running" and job.fraction is not None:
        parts.append(f"{job.fraction:.0%}")
    if job.state == "running" and job.rate is not None:
        parts.append(f"{job.rate:,.0f}/s" if job.rate >= 100 else f"{job.rate:.2g}/s")
    if text := ((job.outcome or {}).get("error") or {}).get("message") or job.message:
        parts.append(text)
    return ", ".join(parts) or None


def _missing_capability(why: str) -> MCPError:
    return MCPError(
        MISSING_REQUIRED_CLIENT_CAPABILITY,
        f"{why}: the request does not declare {TASKS_EXTENSION_ID}. Declare it, or use submit_job.",
        data={"requiredCapabilities": {"extensions": {TASKS_EXTENSION_ID: {}}}},
    )


def _as_mcp(error: JobError) -> MCPError:
    if error.kind == "full":
        data = {"retryable": True, "retryAfter": error.retry_after}
        return MCPError(QUEUE_FULL, str(error), data=data)
    return MCPError(types.INVALID_PARAMS, str(error))
