"""Continues a tool call in the background, once the tool knows that its work is long.

rows = await count(region)
if rows < 10_000:
    return await report(region)                         # fast: in this call
return await hand_over("sales_report", region=region)   # slow: as a job
"""

from typing import TYPE_CHECKING, Any

from fastmcp.exceptions import ToolError
from fastmcp.server.dependencies import get_context
from fastmcp.tools.base import Tool, ToolResult
from pydantic import PrivateAttr

from mcp_swarm.jobs.errors import JobError
from mcp_swarm.jobs.job import Job

if TYPE_CHECKING:
    from mcp_swarm.jobs.jobs import Jobs


class HandedOver(ToolResult):
    """The result of a tool that queued a job: a task for clients that know tasks, else the job's id."""

    _job: Job = PrivateAttr()
    _tool: Tool = PrivateAttr()

    @classmethod
    def to(cls, job: Job, tool: Tool) -> "HandedOver":
        """Returns the result, with a text for clients that do not know tasks."""
        text = f"The work continues as job {job.id}: call job_status, then job_result."
        made = cls(content=text, structured_content={"job_id": job.id, "state": job.state})
        made._job, made._tool = job, tool
        return made

    @property
    def job(self) -> Job:
        """The job that was queued."""
        return self._job

    @property
    def tool(self) -> Tool:
        """The tool that the job runs."""
        return self._tool


async def hand_over(tool_name: str, **arguments: Any) -> HandedOver:
    """Queues a call of another tool, one with ``task=``. Your tool returns the result of this.

    Raises:
        ToolError: the job was rejected; the message says why.
    """
    mcp = get_context().fastmcp
    jobs: Jobs = mcp.jobs  # type: ignore[attr-defined]  # of App, which stands above this package
    try:
        job = await jobs.submit(tool_name, arguments)
    except JobError as error:
        raise ToolError(str(error)) from None
    tool = await mcp.get_tool(tool_name)
    assert tool is not None
    return HandedOver.to(job, tool)
