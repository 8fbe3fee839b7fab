"""Outbound HTTP to the hosts in ``MCP_OUTBOUND_HOSTS``, and to no others.

    from mcp_swarm import http
    answer = await http.client().request("GET", "https://api.example.com/v1/rates")

    rates = http.client("https://api.example.com", {"Authorization": f"Bearer {key}"})
    answer = await rates.request("GET", "https://api.example.com/v1/rates")

The second client sends your credentials to that origin, and to no other, even after a redirect. Import
it inside the tool function, so that a replica without such calls loads no HTTP client.
"""

import asyncio
from collections.abc import Mapping

from mcp_swarm.app_values import AppValue
from mcp_swarm.config import current
from mcp_swarm.http.allow_list import RequestNotAllowed
from mcp_swarm.http.client import METHODS, Answer, HttpClient, Unreachable

__all__ = ["METHODS", "Answer", "HttpClient", "RequestNotAllowed", "Unreachable", "client", "close"]

_client: AppValue[tuple[asyncio.AbstractEventLoop, HttpClient]] = AppValue()


def client(url: str | None = None, credentials: Mapping[str, str] | None = None) -> HttpClient:
    """Returns the client of this app, which the first call creates.

    Args:
        url: an origin, such as ``https://api.example.com``.
        credentials: headers to send to that origin and to no other.

    Raises:
        ValueError: `url` is more than an origin, or a header cannot be sent.
    """
    loop = asyncio.get_running_loop()
    found = _client.get()
    if found is None or found[0] is not loop:
        found = loop, HttpClient(current().mcp_outbound_hosts)
        _client.set(found)
    return found[1] if url is None else found[1].with_credentials(url, credentials or {})


async def close() -> None:
    """Closes this app's client, if there is one. The next use creates a new one."""
    found = _client.take()
    if found is not None and found[0] is asyncio.get_running_loop():
        await found[1].close()
