"""A session of a client up to 2025-11-25, held by hand, so that each request can be looked at."""

from dataclasses import dataclass
from typing import Any

import httpx2

from lab.mcp_wire import LEGACY, answer, call, request, with_headers


@dataclass
class Session:
    """An open session: every request names it."""

    http: httpx2.AsyncClient
    url: str
    id: str
    made_by: str

    async def send(self, made: dict[str, Any]) -> httpx2.Response:
        """One request of `speak`, in this session."""
        return await self.http.post(self.url, **with_headers(made, Mcp_Session_Id=self.id))

    async def call(self, tool: str, **arguments: Any) -> httpx2.Response:
        return await self.send(call(tool, "legacy", **arguments))


async def opened(http: httpx2.AsyncClient, url: str, **capabilities: Any) -> Session:
    """Initializes; the session's id and the replica that made it stand in the answer's headers."""
    client = {"name": "test", "version": "1"}
    made = request(
        "initialize",
        "legacy",
        protocolVersion=LEGACY,
        capabilities=capabilities,
        clientInfo=client,
    )
    response = await http.post(url, **made)
    assert answer(response)["result"]["protocolVersion"] == LEGACY
    headers = response.headers
    session = Session(http, url, headers["Mcp-Session-Id"], headers["X-Served-By"])
    note = request("notifications/initialized", "legacy")
    del note["json"]["id"]
    assert (await session.send(note)).status_code in (202, 404)
    return session
