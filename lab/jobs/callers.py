"""The same job by three kinds of caller: the tasks extension, tools of 2025-11-25, and curl."""

import asyncio
import json
import time
from typing import Any

from fastmcp import Client

ARGUMENTS = {"seconds": 0.5}
SECONDS = 60.0


async def followed(base: str) -> dict[str, str]:
    """How the job ended, as each kind of caller read it."""
    return {
        "tasks extension, 2026-07-28": await by_tasks(f"{base}/mcp"),
        "tools, 2025-11-25": await by_tools(f"{base}/mcp"),
        "curl": await by_curl(base),
    }


async def by_tasks(url: str) -> str:
    """FastMCP's client on the official SDK: it gets a task, polls it, and gives the result."""
    import fastmcp_tasks

    async with Client(url, mode="2026-07-28") as client:
        task = await fastmcp_tasks.call_tool_task(client, "work", ARGUMENTS)
        return str((await task.result()).content[0].text)


async def by_tools(url: str) -> str:
    """A client with a handshake, which knows no tasks."""
    async with Client(url, mode="legacy") as client:
        asked = {"tool": "work", "arguments": ARGUMENTS}
        job = (await client.call_tool("submit_job", asked)).structured_content["job_id"]
        deadline = time.monotonic() + SECONDS
        state = "queued"
        while state in ("queued", "running") and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            status = await client.call_tool("job_status", {"job_id": job})
            state = status.structured_content["state"]
        return str((await client.call_tool("job_result", {"job_id": job})).content[0].text)


async def by_curl(base: str) -> str:
    """Three commands that anyone can type."""
    body = json.dumps({"tool": "work", "arguments": ARGUMENTS})
    made = await _curl(
        "-X", "POST", "-H", "Content-Type: application/json", "-d", body, f"{base}/jobs"
    )
    deadline = time.monotonic() + SECONDS
    state = "queued"
    while state in ("queued", "running") and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
        state = (await _curl(f"{base}/jobs/{made['job_id']}/status"))["state"]
    return str((await _curl(f"{base}/jobs/{made['job_id']}/result"))["content"][0]["text"])


async def _curl(*arguments: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", "--noproxy", "*", *arguments, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    found: dict[str, Any] = json.loads(out)
    return found
