"""Background work for clients that do not know the tasks extension: five tools and a resource."""

import functools
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.tools import Tool
from fastmcp.tools.base import ToolResult
from mcp_types import CallToolResult, ToolAnnotations
from pydantic import Field

from server.core.state.tasks.errors import JobError
from server.core.state.tasks.service import Jobs

JobId = Annotated[str, Field(description="As submit_job told it.")]


def add_job_tools(mcp: FastMCP, jobs: Jobs, names: list[str]) -> None:
    """Serves submit_job, job_status, job_result, answer_job, cancel_job, and job://{job_id}.

    Args:
        mcp: that serves them.
        jobs: that they are about.
        names: of the tools that may be run as jobs, for the description.
    """

    async def submit_job(
        tool: Annotated[str, Field(description=f"One of: {', '.join(names)}.")],
        arguments: Annotated[dict[str, Any], Field(description="The tool's own arguments.")],
        idempotency_key: Annotated[
            str | None, Field(description="The same key and call again give the same job.")
        ] = None,
    ) -> dict[str, Any]:
        """Start a slow tool in the background. Returns job_id: poll job_status with it."""
        return (await jobs.submit(tool, arguments, idempotency_key)).status()

    async def job_status(job_id: JobId) -> dict[str, Any]:
        """How far a job is: state, progress, estimate, and the questions it may have."""
        return await jobs.status(job_id)

    async def job_result(job_id: JobId) -> ToolResult:
        """What a job's tool returned, once its state is completed or failed."""
        result = CallToolResult.model_validate(await jobs.result(job_id))
        return ToolResult.from_mcp_result(result)

    async def answer_job(
        job_id: JobId,
        answers: Annotated[
            dict[str, Any],
            Field(
                description="By the keys of input_requests, e.g. "
                '{"KEY": {"action": "accept", "content": {"name": "Ada"}}}.'
            ),
        ],
    ) -> dict[str, Any]:
        """Answer what a job asks (state input_required); it goes on once all is answered."""
        return (await jobs.answer(job_id, answers)).status()

    async def cancel_job(job_id: JobId) -> dict[str, Any]:
        """End a job; one that has ended stays as it is."""
        return (await jobs.cancel(job_id)).status()

    reads = {job_status, job_result}
    for function in (submit_job, job_status, job_result, answer_job, cancel_job):
        hints = ToolAnnotations(read_only_hint=function in reads, open_world_hint=False)
        mcp.add_tool(Tool.from_function(_told(function), annotations=hints))

    async def job(job_id: str) -> str:
        """How far the job is; listening clients are told when it changes."""
        return json.dumps(await jobs.status(job_id))

    mcp.resource("job://{job_id}", mime_type="application/json")(job)


def _told(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The function, its refusals told to the client."""

    @functools.wraps(function)
    async def telling(*args: Any, **kwargs: Any) -> Any:
        try:
            return await function(*args, **kwargs)
        except JobError as error:
            raise ToolError(str(error)) from None

    return telling
