"""What a client of the official SDK lives through when a replica is killed in the middle.

Each function opens one kind of session through the balancer at `url`, has the replica that
serves it killed (SIGKILL), goes on, and gives what it saw. The client is the SDK's own, told
nothing of replicas; which one to kill is read from what the probe's tools and X-Served-By tell.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.subscriptions import ResourceUpdated
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPError

Kill = Callable[[str], None]
SECONDS_TO_HEAR = 30
TELLS, NUMBERS = 30, 10


@dataclass
class Survived:
    """What was seen, in words for a table, and whether it was what had to be seen."""

    holds: bool
    figures: dict[str, str] = field(default_factory=dict)


@dataclass
class Serving:
    """Which replica answered last, by the kind of request."""

    get: str = ""
    post: str = ""


@asynccontextmanager
async def sdk(url: str, mode: str, **callbacks: Any) -> AsyncIterator[tuple[Client, Serving]]:
    """The SDK's client, connected, and who serves it."""
    serving = Serving()

    async def note(response: httpx2.Response) -> None:
        replica = response.headers.get("x-served-by", "")
        if response.request.method == "GET" and response.status_code == 200:
            serving.get = replica
        elif response.request.method == "POST":
            serving.post = replica

    http = create_mcp_http_client()
    http.event_hooks["response"].append(note)
    async with http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode, **callbacks) as client:
            yield client, serving


async def reading(url: str, kill: Kill) -> Survived:
    """A read-only call in flight runs again elsewhere, and the session's state is intact."""
    async with sdk(url, "legacy") as (client, _):
        await client.call_tool("keep", {"value": "blue"})
        died, result, seconds = await _killed_in(client, kill, "count_reading", {"steps": 16})
        kept = await _json(client, "kept")
        answered_by = _text(result) if result else "nobody"
        return Survived(
            result is not None and answered_by != died and kept[0] == "blue",
            {
                "the call, read-only": "answered by another replica" if result else "lost",
                "answer after the kill": f"{seconds:.1f} s",
                "session state": "intact" if kept[0] == "blue" else f"lost: {kept[0]}",
            },
        )


async def writing(url: str, kill: Kill) -> Survived:
    """A writing call in flight is answered with an error in seconds, and ran once."""
    async with sdk(url, "legacy") as (client, _):
        await client.call_tool("keep", {"value": "green"})
        arguments = {"run": "writing", "steps": 16}
        _, result, seconds = await _killed_in(client, kill, "count_writing", arguments)
        effects = await _json(client, "effects", run="writing")
        kept = await _json(client, "kept")
        return Survived(
            result is None and effects == 1 and kept[0] == "green" and seconds < SECONDS_TO_HEAR,
            {
                "the call, writing": "answered" if result else "a clear error",
                "error after the kill": f"{seconds:.1f} s",
                "effects": str(effects),
                "session state": "intact" if kept[0] == "green" else f"lost: {kept[0]}",
            },
        )


async def hearing(url: str, kill: Kill) -> Survived:
    """The GET stream of a session is taken up again: no message lost, none twice."""
    heard: list[int] = []

    async def note(message: types.LoggingMessageNotificationParams) -> None:
        heard.append(int(message.data))

    async with sdk(url, "legacy", logging_callback=note) as (client, serving):
        await _until(lambda: bool(serving.get))
        sent: list[int] = []
        broken = 0
        died = ""
        for turn in range(TELLS):
            first = turn * NUMBERS + 1
            numbers = range(first, first + NUMBERS)
            call = asyncio.ensure_future(
                client.call_tool("tell", {"first": numbers[0], "last": numbers[-1]})
            )
            if turn == TELLS // 3:
                died = serving.get
                await asyncio.to_thread(kill, died)
            try:
                if not (await call).is_error:
                    sent += numbers
            except MCPError:
                broken += 1
        await _until(lambda: set(sent) <= set(heard))
        lost, doubled = set(sent) - set(heard), len(heard) - len(set(heard))
        in_order = heard == sorted(heard)
        return Survived(
            not lost and not doubled and in_order and serving.get != died,
            {
                "messages told": str(len(sent)),
                "lost": str(len(lost)),
                "twice": str(doubled),
                "calls broken by the kill": str(broken),
            },
        )


async def asking(url: str, kill: Kill) -> Survived:
    """A person is asked while the asking replica dies (2025-11-25): an error, and asked again."""
    thinking: list[str] = []
    dead = ""

    async def answer(context: Any, params: Any) -> types.ElicitResult:
        nonlocal dead
        if not thinking:
            thinking.append("first")
            dead = serving.post
            await asyncio.to_thread(kill, dead)
            await asyncio.sleep(1)
        return types.ElicitResult(action="accept", content={"value": True})

    async with sdk(url, "legacy", elicitation_callback=answer) as (client, serving):
        first = await _try(client, "confirm", run="asking")
        second = await _try(client, "confirm", run="asking")
        effects = await _json(client, "effects", run="asking")
        return Survived(
            first is None and second is not None and effects == 1,
            {
                "the question's call": "answered" if first else "a clear error",
                "asked again": "done" if second else "failed",
                "effects": str(effects),
            },
        )


async def deciding(url: str, kill: Kill) -> Survived:
    """A round of questions (2026-07-28) begun on a replica that dies is finished on another."""
    asked_by = ""

    async def answer(context: Any, params: Any) -> types.ElicitResult:
        nonlocal asked_by
        asked_by = serving.post
        await asyncio.to_thread(kill, asked_by)
        return types.ElicitResult(action="accept", content={"value": True})

    async with sdk(url, "2026-07-28", elicitation_callback=answer) as (client, serving):
        done = await _try(client, "confirm", run="deciding")
        effects = await _json(client, "effects", run="deciding")
        by = _text(done) if done else "nobody"
        return Survived(
            done is not None and by != asked_by and effects == 1,
            {
                "begun on the killed replica, finished": "on another" if done else "not",
                "effects": str(effects),
            },
        )


async def listening(url: str, kill: Kill) -> Survived:
    """A listen stream (2026-07-28) whose replica dies ends; listened again, events come."""
    uri = "probe://news"
    async with sdk(url, "2026-07-28") as (client, serving):
        ended = False
        async with client.listen(resource_subscriptions=[uri]) as stream:
            died = serving.post
            await asyncio.to_thread(kill, died)
            try:
                async with asyncio.timeout(SECONDS_TO_HEAR):
                    async for _ in stream:
                        pass
            except Exception as error:  # whatever the SDK calls the end of a broken stream
                ended = not isinstance(error, TimeoutError)
        async with client.listen(resource_subscriptions=[uri]) as stream:
            again = serving.post
            await client.call_tool("touch", {})
            async with asyncio.timeout(SECONDS_TO_HEAR):
                event = await anext(aiter(stream))
        return Survived(
            ended and again != died and isinstance(event, ResourceUpdated) and event.uri == uri,
            {"stream of the killed replica": "ended", "listened again": "heard the next event"},
        )


Kind = Callable[[str, Kill], Coroutine[Any, Any, Survived]]
KINDS: tuple[Kind, ...] = (reading, writing, hearing, asking, deciding, listening)


async def _killed_in(
    client: Client, kill: Kill, tool: str, arguments: dict[str, Any]
) -> tuple[str, types.CallToolResult | None, float]:
    """Calls `tool`, kills its replica at the third step; who died, the answer, the wait for it."""
    clock = asyncio.get_running_loop()
    died, at = "", 0.0
    killing: set[asyncio.Future[Any]] = set()

    async def progress(done: float, total: float | None, replica: str | None) -> None:
        nonlocal died, at
        if done == 3 and not died:
            died, at = str(replica), clock.time()
            killing.add(asyncio.ensure_future(asyncio.to_thread(kill, died)))

    result: types.CallToolResult | None = None
    try:
        result = await client.call_tool(tool, arguments, progress_callback=progress)
    except MCPError:
        pass
    await asyncio.gather(*killing)
    if result is not None and result.is_error:
        result = None
    return died, result, clock.time() - at


async def _try(client: Client, tool: str, **arguments: Any) -> types.CallToolResult | None:
    try:
        result = await client.call_tool(tool, arguments)
    except MCPError:
        return None
    return None if result.is_error else result


async def _json(client: Client, tool: str, **arguments: Any) -> Any:
    """A tool's structured answer; asked again while the balancer has not seen the death yet."""
    for _ in range(10):
        if found := await _try(client, tool, **arguments):
            return (found.structured_content or {})["result"]
        await asyncio.sleep(1)
    raise AssertionError(f"{tool} never answered")


def _text(result: types.CallToolResult) -> str:
    first = result.content[0]
    return first.text if isinstance(first, types.TextContent) else ""


async def _until(true: Callable[[], bool]) -> None:
    """Waits until `true()`, or for as long as a client may have to."""
    deadline = asyncio.get_running_loop().time() + SECONDS_TO_HEAR
    while not true() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - a test
        await asyncio.sleep(0.1)
