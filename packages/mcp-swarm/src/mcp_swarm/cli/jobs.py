"""``python -m server jobs``: shows the queue and failed jobs, and retries them.

    python -m server jobs                   the queue, each tool's figures, failed jobs
    python -m server jobs retry ID …        queue these again; `retry all` for all failed jobs

Exit codes: 0 fine, 1 a job has failed or was not retried, 3 Redis does not answer.

It needs a shared Redis; the jobs of a ``memory://`` server are in its own process.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from mcp.shared.exceptions import MCPError

from mcp_swarm.app import App
from mcp_swarm.config import Settings
from mcp_swarm.errors import EXIT_FINDINGS, EXIT_FINE, StartError
from mcp_swarm.jobs.encryption import DecryptionError
from mcp_swarm.jobs.job import Job, stamp
from mcp_swarm.jobs.jobs import Jobs
from mcp_swarm.redis import Store


def run(settings: Settings, mcp: App, rest: Sequence[str]) -> int:
    """Shows or retries jobs; returns 1 if a job has failed, or was not retried.

    Raises:
        StartError: there is no shared queue, or it does not answer.
    """
    if not settings.is_shared or mcp.store is None:
        raise StartError(
            "The jobs of a server with REDIS_URL memory:// are in its own process. Next: use its "
            "GET /jobs/{job_id}/status, or set REDIS_URL=redis://…"
        )
    if mcp.jobs is None:
        raise StartError("There are no jobs: no tool is declared with @tool(task=True).")
    return asyncio.run(_answered(mcp.store, mcp.jobs, rest))


async def _answered(store: Store, jobs: Jobs, rest: Sequence[str]) -> int:
    """Runs `_run`, but fails at once if Redis is unavailable or denies access: Docket would wait."""
    await store.demand_access(waits=False)
    try:
        await jobs.repository.count("queued")
        return await _run(jobs, rest)
    except MCPError as error:
        raise StartError(
            f"{error.error.message} Next: check that the Redis of REDIS_URL runs and is reachable "
            "from here."
        ) from None


async def _run(jobs: Jobs, rest: Sequence[str]) -> int:
    async with jobs.lifetime():
        failed = await jobs.repository.among("failed")
        if not rest:
            for line in _lines(await jobs.overview(), failed):
                print(line)
            return EXIT_FINDINGS if failed else EXIT_FINE
        all_of_them = list(rest[1:]) == ["all"]
        if all_of_them and not failed:
            print("no job has failed")
        code = EXIT_FINE
        for job_id in [job.id for job in failed] if all_of_them else rest[1:]:
            try:
                retried = await jobs.retry(job_id)
                outcome = "queued again" if retried else "has not failed, or does not exist"
            except DecryptionError as error:
                retried, outcome = False, str(error)
            print(f"{job_id}  {outcome}")
            code = code if retried else EXIT_FINDINGS
        return code


def _lines(overview: dict[str, Any], failed: Sequence[Job]) -> list[str]:
    """Returns the lines for the terminal."""
    lines = ["{queued} queued, {running} running, {failed} failed".format(**overview)]
    names = ("started", "completed", "failed", "cancelled")
    lines.append(
        "".join(["\n", "tool".ljust(28), *(f"{n:>11}" for n in names), "  mean wait   mean run"])
    )
    for tool, figures in overview["tools"].items():
        count = {name: int(figures.get(name, 0)) for name in names}
        wait = _mean(figures, "waited_ms", count["started"])
        ran = _mean(figures, "ran_ms", count["completed"] + count["failed"])
        lines.append("".join([tool.ljust(28), *(f"{n:>11}" for n in count.values()), wait, ran]))
    if failed:
        lines.append("\nfailed jobs; `python -m server jobs retry ID` queues one again")
    for job in failed:
        lines.append(f"{job.id}  {stamp(job.ended)}  {job.tool}: {_why(job)}")
    return lines


def _mean(figures: dict[str, float], name: str, count: int) -> str:
    return f"{figures.get(name, 0) / 1000 / count:>9.2f} s" if count else " " * 10 + "-"


def _why(job: Job) -> str:
    outcome = job.outcome or {}
    if "error" in outcome:
        return str(outcome["error"]["message"])
    content = outcome.get("result", {}).get("content", [{}])
    return str(content[0].get("text", "an error"))
