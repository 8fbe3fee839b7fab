"""The official SDK's client, unmodified, of either era; and what it was told besides answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from lab.matrix.modes import TOKEN, Service
from lab.mcp_wire import LEGACY, MODERN, Era

TIMEOUT = 30.0  # seconds until what must come has come
SILENCE = 0.7  # seconds to wait for what must not come


@dataclass
class Caller:
    """A connected client.

    Attributes:
        client: the SDK's.
        served_by: the replica of each POST that it made, in order.
        logs: log messages that arrived, as text.
        changes: notifications that arrived outside any call.
        listens: its GET stream is open.
    """

    era: Era
    service: Service
    client: Any
    served_by: list[str] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)
    changes: list[Any] = field(default_factory=list)
    listens: bool = False

    async def call(self, tool: str, /, **arguments: Any) -> str:
        """The text of a tool's answer.

        Raises:
            ToolFailedError: the tool, or the server, refused.
        """
        result = await self.client.call_tool(tool, arguments)
        text = str(getattr(result.content[0], "text", result.content[0]))
        if result.is_error:
            raise ToolFailedError(text)
        return text


class ToolFailedError(Exception):
    """A tool's result says that it is an error."""


@asynccontextmanager
async def connected(service: Service, era: Era, **callbacks: Any) -> AsyncIterator[Caller]:
    """A client of `era`, connected; `callbacks` are the SDK's."""
    caller = Caller(era, service, None)

    async def note_replica(response: httpx2.Response) -> None:
        if response.request.method == "POST":
            caller.served_by.append(response.headers["X-Served-By"])
        elif response.request.method == "GET" and response.status_code == 200:
            caller.listens = True

    async def note_log(params: types.LoggingMessageNotificationParams) -> None:
        caller.logs.append(params.data)

    async def note_change(message: Any) -> None:
        caller.changes.append(message)

    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx2.AsyncClient(
        headers=headers,
        verify=False,  # reading the CA list takes longer than most cells, and nothing is TLS
        timeout=httpx2.Timeout(30, read=60),
        trust_env=False,
        event_hooks={"response": [note_replica]},
    ) as http:
        caller.client = Client(
            streamable_http_client(service.url, http_client=http),
            mode="auto" if era == "modern" else "legacy",
            read_timeout_seconds=40,
            logging_callback=note_log,
            log_level="info",
            message_handler=note_change,
            **callbacks,
        )
        async with caller.client:
            assert caller.client.protocol_version == {"modern": MODERN, "legacy": LEGACY}[era]
            yield caller


async def until(condition: Any, seconds: float = TIMEOUT) -> bool:
    """Whether `condition()` becomes true within `seconds`."""
    with anyio.move_on_after(seconds):
        while not condition():  # noqa: ASYNC110 - what it asks has no event
            await anyio.sleep(0.02)
        return True
    return bool(condition())
