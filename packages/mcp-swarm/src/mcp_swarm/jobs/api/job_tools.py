"""Jobs for clients that do not know the tasks extension: five tools and a resource."""

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

from mcp_swarm.jobs.errors import JobError
from mcp_swarm.jobs.jobs import Jobs

JobId = Annotated[str, Field(description="As submit_job returned it.")]


Which = Annotated[str, Field(description="One of the tools that run in the background.")]
Arguments = Annotated[dict[str, Any], Field(description="The arguments of that tool.")]
Key = Annotated[
    str | None, Field(description="The same key with the same call returns the same job.")
]
Answers = Annotated[
    dict[str, Any],
    Field(
        description="By the keys of input_requests, e.g. "
        '{"KEY": {"action": "accept", "content": {"name": "Ada"}}}.'
    ),
]


class JobTools:
    """submit_job, job_status, job_result, answer_job, cancel_job, and the resource job://{job_id}.

    Args:
        jobs: the jobs that they control.
        names: of the tools that may run as jobs, for the description.
    """

    def __init__(self, jobs: Jobs, names: list[str]) -> None:
        self._jobs = jobs
        self._names = names

    def add_to(self, mcp: FastMCP) -> None:
        """Adds the tools and the resource."""
        submit = f"{JobTools.submit_job.__doc__} Tools: {', '.join(self._names)}."
        for function, description in (
            (self.submit_job, submit),
            (self.job_status, None),
            (self.job_result, None),
            (self.answer_job, None),
            (self.cancel_job, None),
        ):
            reads = function in (self.job_status, self.job_result)
            hints = ToolAnnotations(read_only_hint=reads, open_world_hint=False)
            mcp.add_tool(
                Tool.from_function(
                    _with_tool_errors(function), annotations=hints, description=description
                )
            )
        mcp.resource("job://{job_id}", mime_type="application/json")(self.job)

    async def submit_job(
        self, tool: Which, arguments: Arguments, idempotency_key: Key = None
    ) -> dict[str, Any]:
        """Start a slow tool in the background. Returns job_id: poll job_status with it."""
        return (await self._jobs.submit(tool, arguments, idempotency_key)).status()

    async def job_status(self, job_id: JobId) -> dict[str, Any]:
        """The status of a job: state, progress, estimate, and open questions."""
        return await self._jobs.status(job_id)

    async def job_result(self, job_id: JobId) -> ToolResult:
        """The result of a job's tool, once its state is completed or failed."""
        result = CallToolResult.model_validate(await self._jobs.result(job_id))
        return ToolResult.from_mcp_result(result)

    async def answer_job(self, job_id: JobId, answers: Answers) -> dict[str, Any]:
        """Answer a job's questions (state input_required). It continues once all are answered."""
        return (await self._jobs.answer(job_id, answers)).status()

    async def cancel_job(self, job_id: JobId) -> dict[str, Any]:
        """Cancel a job. A finished job stays as it is."""
        return (await self._jobs.cancel(job_id)).status()

    async def job(self, job_id: str) -> str:
        """The status of the job. Clients that listen are notified when it changes."""
        return json.dumps(await self._jobs.status(job_id))


def _with_tool_errors(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Wraps `function`: a JobError becomes a ToolError, whose text the client sees."""

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return await function(*args, **kwargs)
        except JobError as error:
            raise ToolError(str(error)) from None

    return wrapper
