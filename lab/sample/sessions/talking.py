"""Tools that need the client again in mid-call, or remember it."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastmcp import Context
from fastmcp.dependencies import Shared
from fastmcp.tools import tool
from mcp.server.subscriptions import ResourceUpdated, ToolsListChanged
from mcp.shared.message import ServerMessageMetadata
from mcp_types import (
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    ListRootsRequest,
    ListRootsResult,
)
from pydantic import BaseModel

from mcp_swarm import publish


class Size(BaseModel):
    size: int


@tool
async def note_fact(ctx: Context, fact: str) -> str:
    """Remember a fact in the session."""
    await ctx.set_state("fact", fact)
    return "noted"


@tool
async def note_for_now(ctx: Context) -> str:
    """Remember something as long as this call takes."""
    await ctx.set_state("moment", "now", serializable=False)
    return str(await ctx.get_state("moment"))


@tool
async def noted_fact(ctx: Context) -> str:
    """Tell what the session remembers."""
    return str(await ctx.get_state("fact"))


@tool
async def hide(ctx: Context, name: str) -> str:
    """Hide a tool from this session."""
    await ctx.disable_components(names={name})
    return "hidden"


@tool
async def half() -> str:
    """Half a character, which JSON cannot hold."""
    return "\ud800"


@tool
async def met(ctx: Context) -> dict[str, str]:
    """Tell who the client said it is, and in which session and process that is known."""
    params = ctx.session.client_params
    name = params.client_info.name if params else "nobody"
    return {"client": name, "session": ctx.session_id, "pid": str(os.getpid())}


@tool
async def question(ctx: Context, text: str) -> str:
    """Ask the user for a size, beside this call."""
    answer = await ctx.session.elicit_form(
        text, Size.model_json_schema(), related_request_id=ctx.request_id
    )
    return f"{answer.action} {answer.content}"


@tool
async def slow_question(ctx: Context, text: str) -> str:
    """The same, and tell how far the client said it was."""
    steps: list[float] = []

    async def note(done: float, total: float | None, message: str | None) -> None:
        steps.append(done)

    schema = Size.model_json_schema()
    answer = await ctx.session.send_request(
        ElicitRequest(params=ElicitRequestFormParams(message=text, requested_schema=schema)),
        ElicitResult,
        metadata=ServerMessageMetadata(related_request_id=ctx.request_id),
        progress_callback=note,
    )
    return f"{answer.action} after {steps}"


@tool
async def roots(ctx: Context) -> int:
    """Ask the client for its roots, on the session's own stream; their number."""
    found = await ctx.session.send_request(ListRootsRequest(), ListRootsResult)
    return len(found.roots)


@tool
async def announce(ctx: Context, times: int) -> str:
    """Tell the client several times, on the session's own stream, that a resource changed."""
    for number in range(times):
        await ctx.session.send_resource_updated(f"test://{number}")
    return "told"


@tool
async def relist() -> str:
    """Say that the list of tools has changed."""
    await publish(ToolsListChanged())
    return "told"


@tool
async def touch_later(ctx: Context, uri: str, gate: str) -> str:
    """Say that the resource `uri` has changed, once there is a file `gate`."""
    while not Path(gate).exists():  # noqa: ASYNC110, ASYNC240 - made by another process
        await asyncio.sleep(0.02)
    await publish(ResourceUpdated(uri=uri))
    return "told"


@tool
async def hang_up(ctx: Context) -> str:
    """Close the stream of this call and go on."""
    await ctx.close_sse_stream()
    await ctx.report_progress(1, 2)
    return "done"


@asynccontextmanager
async def _opened() -> AsyncIterator[list[str]]:
    """What all calls share as long as the server lives."""
    state = ["open"]
    yield state
    state[0] = "closed"


_SHARED: Any = Shared(_opened)


@tool
async def use(seconds: float, shared: list[str] = _SHARED) -> str:
    """Use what is shared, after a while."""
    await asyncio.sleep(seconds)
    return f"it is {shared[0]}"


def _count(path: str) -> None:
    with Path(path).open("a") as file:
        file.write(f"{os.getpid()} ")


async def _slowly(ctx: Context, path: str, steps: int, stuck_after: int) -> str:
    is_first = not Path(path).exists()  # noqa: ASYNC240 - a file of the test
    _count(path)
    for step in range(steps):
        await ctx.report_progress(step, steps)
        await asyncio.sleep(3600 if is_first and step + 1 == stuck_after else 0.1)
    return f"done by {os.getpid()}"


@tool(annotations={"readOnlyHint": True})
async def slow_read(ctx: Context, path: str, steps: int, stuck_after: int) -> str:
    """Only read; each run leaves a mark in `path`, and the first gets stuck after so many steps."""
    return await _slowly(ctx, path, steps, stuck_after)


@tool
async def slow_write(ctx: Context, path: str, steps: int, stuck_after: int) -> str:
    """Have an effect; else as `slow_read`."""
    return await _slowly(ctx, path, steps, stuck_after)
