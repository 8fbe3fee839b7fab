"""One replica in each mode of answering, spoken to in either version of the protocol."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from lab import replica as replicas
from lab.legacy import Session
from lab.mcp_wire import Era
from lab.replica import Replica
from lab.valkey import Valkey

MODES: dict[str, dict[str, Any]] = {
    "json": {},
    "auto": {"MCP_JSON_RESPONSE": "auto"},
    "streams": {"MCP_JSON_RESPONSE": "false"},
    "framework": {"without": ["fast-path"]},
    "sessions in memory": {"MCP_STATELESS_HTTP": "false", "MCP_JSON_RESPONSE": "auto"},
    "sessions in memory, json": {"MCP_STATELESS_HTTP": "false"},
    "sessions in Redis": {"MCP_STATELESS_HTTP": "false", "MCP_JSON_RESPONSE": "false"},
    "sessions in Redis, json": {"MCP_STATELESS_HTTP": "false"},
}


class Served:
    """A replica in one mode."""

    def __init__(self, mode: str, replica: Replica, http: httpx2.AsyncClient) -> None:
        self.mode = mode
        self.replica = replica
        self.http = http
        self._session: Session | None = None

    async def session(self) -> Session:
        """The session of this client, opened when it is needed."""
        if self._session is None:
            self._session = await Session(self.http, [self.replica]).open()
        return self._session

    async def post(self, era: Era, made: dict[str, Any]) -> httpx2.Response:
        """Sends a request as `lab.mcp_wire` makes it, in a session where the mode has them."""
        if "sessions" in self.mode and era == "legacy":
            held = (await self.session()).headers["Mcp-Session-Id"]
            made = {**made, "headers": {**made["headers"], "Mcp-Session-Id": held}}
        return await self.http.post(self.replica.url, **made)


@contextmanager
def serving(mode: str, folder: Path, packages: tuple[str, ...], **more: Any) -> Iterator[Replica]:
    """A ready replica in that mode."""
    options = {**MODES[mode], **more}
    valkey = Valkey(folder / "valkey") if "Redis" in mode else None
    if valkey:
        options |= {"REDIS_URL": valkey.url, "MCP_REQUEST_STATE_KEYS": "k" * 64}
    made = replicas.start(folder / "replica", packages, **options)
    try:
        made.wait_until_ready()
        yield made
    finally:
        made.end()
        if valkey:
            valkey.end()
