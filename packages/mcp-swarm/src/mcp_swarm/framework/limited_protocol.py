"""HTTP/1.1 for uvicorn, with limits that uvicorn and its parser lack.

It limits the time and the size of a request's head, the time of a silent connection, and the number
of connections. Behind the balancer, which has its own limits, none of them is reached.
"""

import asyncio
import logging
import resource
from enum import Enum

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from mcp_swarm.framework.upgrade import PlainProtocol
from mcp_swarm.problem import problem

logger = logging.getLogger(__name__)

# Maximum bytes of a request line and its headers.
MAX_HEAD = 64 << 10
# Seconds for the head to arrive; the body has its own limit (asgi/body).
SECONDS = 10.0
# Seconds for which the rest of a body is discarded after an early response: closing at once would
# reset the connection, and the client might not read the response.
LINGER = 2.0
# Connections of a replica: 4096 streams of each kind, calls, and files to spare.
MAX_CONNECTIONS = 10_000
FILES_TO_SPARE = 128


class _Reading(Enum):
    NOTHING = 0  # between two requests, where uvicorn's keep-alive limit holds
    HEAD = 1
    BODY = 2


class LimitedProtocol(PlainProtocol):
    """Answers 408, 431 or 503 to a connection that exceeds a limit, and closes it."""

    _reading = _Reading.HEAD
    _head = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the timer for the first request."""
        super().connection_made(transport)
        if len(self.connections) > max_connections():
            self._refuse(503, "Service Unavailable", "This replica has too many connections.")
        else:
            self._wait(SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses the data. Most requests arrive in one piece and need no timer."""
        if self._reading is _Reading.NOTHING:
            self._reading, self._head = _Reading.HEAD, 0
        super().data_received(data)
        if self._reading is _Reading.NOTHING or self.transport.is_closing():
            self._stop_waiting()
            return
        if self._reading is _Reading.HEAD:
            self._head += len(data)
            if self._head > MAX_HEAD:
                limit = f"The headers are larger than {MAX_HEAD} bytes."
                self._refuse(431, "Request Header Fields Too Large", limit)
                return
        if self._deadline is None:
            self._wait(SECONDS)

    def on_headers_complete(self) -> None:
        """Begins the request."""
        self._reading = _Reading.BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Ends the request."""
        self._reading = _Reading.NOTHING
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Ends the response, perhaps before the request."""
        if self._reading is _Reading.BODY:
            self._wait(LINGER)
        super().on_response_complete()

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(seconds, self._late)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self._reading is _Reading.HEAD:
            detail = f"The head of the request did not arrive within {SECONDS:g} s."
            self._refuse(408, "Request Timeout", detail)
        elif self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:  # the app waits for the body and has a limit, or streams its answer already
            self._wait(SECONDS)

    def _refuse(self, status: int, title: str, detail: str) -> None:
        self._stop_waiting()
        logger.debug("a connection is closed: %d %s", status, detail)
        body = bytes(problem(status, title, detail).body)
        lines = [b"content-type: application/problem+json", b"content-length: %d" % len(body)]
        head = b"\r\n".join([*lines, b"connection: close", b"", b""])
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()


def max_connections() -> int:
    """Returns MAX_CONNECTIONS, or less if the process may have fewer open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(1, min(MAX_CONNECTIONS, files - FILES_TO_SPARE))
