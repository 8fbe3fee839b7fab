"""Tools that run as jobs."""

import asyncio
import os
import secrets
import signal
import time
from pathlib import Path

import mcp_types as types
from fastmcp import Context
from fastmcp.server.auth import require_scopes
from fastmcp.server.dependencies import get_access_token
from fastmcp.tools import tool
from fastmcp.tools.base import ToolResult
from fastmcp.utilities.tasks import TaskConfig
from mcp.shared.exceptions import MCPError

from mcp_swarm import Retryable, ask, current_job, hand_over

NAME = types.ElicitRequest(
    params=types.ElicitRequestFormParams(
        message="Your name?",
        requested_schema={"type": "object", "properties": {"name": {"type": "string"}}},
    )
)


def note(folder: str, line: str) -> None:
    """A line in the log of starts and ends: an effect that a second run would repeat."""
    with (Path(folder) / "effects").open("a") as file:
        file.write(f"{line}\n")


@tool(task=True)
async def work(ctx: Context, seconds: float, folder: str = "", secret: str = "") -> str:
    """Works for a while, and tells how far it is."""
    job = current_job()
    who = job.id if job else "direct"
    if folder:
        note(folder, f"start {who}")
    until, steps = time.monotonic() + seconds, 0
    while (left := until - time.monotonic()) > 0:
        await asyncio.sleep(min(0.05, left))
        steps += 1
        await ctx.report_progress(seconds - max(0, left), seconds, f"step {steps} of {secret}")
    await ctx.info("done")
    if folder:
        note(folder, f"end {who}")
    return f"worked {seconds:g} s"


async def asked_to_end(folder: str, *names: str) -> None:
    """Returns once the folder has a file of one of these names."""
    while not any((Path(folder) / name).exists() for name in names):  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.02)


@tool(task=True)
async def until_asked(ctx: Context, folder: str) -> str:
    """Works until its folder has a file `end`, or `end-2` for its second start; says which it was."""
    job = current_job()
    assert job
    note(folder, f"start {job.id}")
    start = (Path(folder) / "effects").read_text().count(f"start {job.id}")
    await ctx.report_progress(1, 2, "half of it")
    await asked_to_end(folder, "end", f"end-{start}")
    note(folder, f"end {job.id}")
    return f"told at start {start}"


@tool(task=TaskConfig(mode="required"))
async def only_in_background() -> str:
    """Cannot be called directly."""
    return "ran"


@tool(task=True)
async def loose() -> dict[str, object]:
    """Returns what JSON and UTF-8 do not have."""
    return {"mean": float("nan"), "name": "a\ud801"}


@tool(task=True)
async def misshapen() -> dict[str, float]:
    """Returns what its output schema does not allow."""
    return {"mean": float("nan")}


@tool(task=True, timeout=0.5)
async def too_slow() -> str:
    """Takes longer than it may."""
    await asyncio.sleep(30)
    return "never"


@tool(task=True)
async def endless() -> str:
    """Runs into the limit of all jobs."""
    await asyncio.sleep(3600)
    return "never"


@tool(task=True)
async def flaky(folder: str, fails: int, after: float = 0.1) -> str:
    """Fails a few times, and is worth another try."""
    note(folder, "try")
    tries = (Path(folder) / "effects").read_text().count("try")
    if tries <= fails:
        raise Retryable(f"busy, try {tries}", after=after)
    return f"done on try {tries}"


@tool(task=True)
async def broken() -> str:
    """Fails in a way that is nobody's business."""
    raise RuntimeError("the password is hunter2")


@tool(task=True)
async def refused() -> str:
    """Fails as the protocol does."""
    raise MCPError(-32055, "no such dataset", data={"dataset": "x"})


@tool(task=True)
async def greet(ctx: Context, hello: str = "Hello") -> str | types.InputRequiredResult:
    """Asks for a name first."""
    if not ctx.input_responses:
        return types.InputRequiredResult(input_requests={"who": NAME}, request_state="asked")
    answer = ctx.input_responses["who"]
    assert isinstance(answer, types.ElicitResult)
    return f"{hello}, {(answer.content or {}).get('name')}! ({ctx.request_state})"


@tool(task=True)
async def order(ctx: Context) -> str:
    """Asks twice, by `ask`."""
    size = await ask.form(ctx, "size", "Which size?", ["S", "L"])
    if not size:
        return f"not ordered: {size.action}"
    sure = await ask.confirm(ctx, "sure", f"Really {size.data}?")
    return f"{size.data}: {sure}"


@tool(task=True)
async def quiz(ctx: Context, questions: int) -> str:
    """Asks one question after the other."""
    for number in range(questions):
        if not await ask.confirm(ctx, f"question-{number}", f"Number {number}?"):
            return f"no to {number}"
    return f"{questions} times yes"


@tool(task=True)
async def verbose(size: int) -> str:
    """Says much."""
    return "x" * size


@tool(task=True)
async def noisy(size: int) -> str:
    """Says much that cannot be compressed well."""
    return secrets.token_hex(size // 2)


@tool(task=True)
async def odd(ctx: Context, folder: str) -> ToolResult:
    """Says what neither UTF-8 nor JSON can hold, and again once it is told to end."""
    await ctx.report_progress(float("nan"), float("inf"), "half a pair: \ud800")
    await asked_to_end(folder, "end")
    return ToolResult("half a pair: \ud800", structured_content={"endless": float("inf")})


@tool(task=True)
async def unwritable(folder: str) -> ToolResult:
    """Comes to something that no JSON can be made of."""
    note(folder, "ran")
    return ToolResult("text", meta={"it": lambda: None})


@tool(task=True, auth=require_scopes("admin"))
async def only_for_admins() -> str:
    """Seen by some callers only."""
    return "ran"


@tool(task=True)
async def who_am_i() -> dict[str, str | None]:
    """The caller, as a job sees it."""
    token = get_access_token()
    return {
        "client": token.client_id if token else None,
        "tenant": (token.claims or {}).get("tenant") if token else None,
        "token": token.token if token else None,
    }


@tool(task=True)
async def stubborn(folder: str) -> str:
    """Notes when it is made to end; there is a file `begun` before."""
    try:
        (Path(folder) / "begun").touch()
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        note(folder, "told to end")
        raise
    return "never"


@tool(task=True)
async def deadly() -> str:
    """Kills the process that runs it, as a lack of memory would."""
    os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.sleep(60)
    return "never"


@tool
async def decide(rows: int) -> str | object:
    """Fast for few rows; for many it goes on in the background."""
    if rows < 10:
        return "at once"
    return await hand_over("work", seconds=0.1)
