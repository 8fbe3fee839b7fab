"""HTTP to hosts that the operator listed in ``MCP_OUTBOUND_HOSTS``, and to no other.

    from server.core import http
    answer = await http.client().request("GET", "https://api.example.com/v1/rates")

A tool imports it inside the function that calls, so that a replica which calls nobody never
loads an HTTP client.
"""

import asyncio

from server.config import load

from .client import METHODS, Answer, Client, Unreachable
from .gate import Refused

__all__ = ["METHODS", "Answer", "Client", "Refused", "Unreachable", "client", "close"]

_client: tuple[asyncio.AbstractEventLoop, Client] | None = None


def client() -> Client:
    """The client of this process, made at its first use."""
    global _client  # noqa: PLW0603 - one connection pool a process
    loop = asyncio.get_running_loop()
    if _client is None or _client[0] is not loop:
        _client = loop, Client(load().mcp_outbound_hosts)
    return _client[1]


async def close() -> None:
    """Closes this process's client, if there is one. The next use makes a new one."""
    global _client
    current, _client = _client, None
    if current is not None and current[0] is asyncio.get_running_loop():
        await current[1].close()
