"""Sessions of 2025-11-25 that are opened before the calls in them are measured."""

import http.client
import json
from typing import Any

from lab.bench.servers import Server
from lab.mcp_wire import request

CONNECTIONS = 8


def opened(port: int, count: int) -> list[str]:
    """Ids of new sessions, each with its whole handshake."""
    hello = {"name": "bench", "version": "1"}
    initialize = request(
        "initialize", "legacy", protocolVersion="2025-11-25", capabilities={}, clientInfo=hello
    )
    initialized = request("notifications/initialized", "legacy")
    del initialized["json"]["id"]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found = []
    for _ in range(count):
        _, headers = _post(connection, initialize)
        found.append(headers["Mcp-Session-Id"])
        _post(connection, initialized, found[-1])
    connection.close()
    return found


def _post(
    connection: http.client.HTTPConnection, made: dict[str, Any], session: str = ""
) -> tuple[int, Any]:
    headers = {**made["headers"], **({"Mcp-Session-Id": session} if session else {})}
    connection.request("POST", "/mcp", json.dumps(made["json"]), headers)
    response = connection.getresponse()
    response.read()
    return response.status, response.headers


class Sessions:
    """Sessions of one contender.

    Args:
        here: the server that is measured.
        elsewhere: another one of the same kind, which opens those that are cold.
    """

    def __init__(self, here: Server, elsewhere: Server) -> None:
        self._here = here
        self._elsewhere = elsewhere
        self._warm: list[str] = []

    def ids(self, kind: str, count: int) -> list[str]:
        """Sessions of that kind: `count` if they are cold, else one for each connection."""
        if kind == "cold":
            return opened(self._elsewhere.port, count)
        self._warm = self._warm or opened(self._here.port, CONNECTIONS)
        return self._warm

    def refusal(self, made: dict[str, Any]) -> int | None:
        """The status with which a call in a session from elsewhere is refused, if it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self._here.port, timeout=60)
        status, _ = _post(connection, made, opened(self._elsewhere.port, 1)[0])
        connection.close()
        return None if status == 200 else status
