"""An HTTP/1.1 keep-alive connection that carries one exchange at a time and times every step.

It is built on asyncio.Protocol and llhttp. A general HTTP library costs several times the CPU of a
small MCP server, so the tester would measure itself.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, cast

import httptools

MAX_BODY_BYTES = 64 << 20
"""Maximum size of an answer's body. A larger answer is a failure."""

_HEADER_SLOTS = {
    b"x-served-by": "replica_raw",
    b"content-type": "content_type",
    b"location": "location",
    b"content-length": "length",
    b"transfer-encoding": "coding",
    b"mcp-session-id": "session",
}


class Exchange:
    """One request and its answer. Times are perf_counter_ns(); 0 means "did not happen"."""

    __slots__ = (
        "body",
        "coding",
        "connection",
        "content_type",
        "done",
        "due",
        "error",
        "first_body",
        "first_byte",
        "length",
        "location",
        "progress",
        "replica_raw",
        "result",
        "sent",
        "session",
        "status",
    )

    def __init__(self, due: int) -> None:
        self.due = due
        self.sent = 0
        self.first_byte = 0
        self.first_body = 0
        self.done = 0
        self.status = 0
        self.error = ""
        self.body = b""
        self.content_type = self.replica_raw = self.location = self.length = self.coding = b""
        self.session = b""
        self.connection: Connection | None = None
        self.result: dict[str, Any] | None = None
        """The JSON-RPC result, set when the answer is judged."""
        self.progress = -1
        """Number of progress notifications if the answer was an event stream, else -1."""

    @property
    def replica(self) -> str:
        """The replica's name in X-Served-By, or an empty string."""
        return self.replica_raw.decode("utf-8", "replace").strip()


class Connection(asyncio.Protocol):
    """A connection that carries one exchange at a time.

    It calls `released` when it becomes idle or is lost.
    """

    def __init__(self, released: Callable[[Connection], None]) -> None:
        self._released = released
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._poll: select.poll | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: Exchange | None = None
        self._answered: asyncio.Future[None] | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self.open = False
        self.replica = ""
        self.pinned = True
        self.calls = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Stores the transport. Without TLS, also polls the socket in `usable`."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not derive from it
        self.open = True
        if transport.get_extra_info("ssl_object") is None and hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def usable(self) -> bool:
        """Returns whether a request may be written.

        The peer may have closed the connection before the event loop reports it. Between answers
        the socket is readable only then, so this polls the socket.
        """
        if not self.open:
            return False
        if self._poll is not None and self._poll.poll(0):
            self.close()
            return False
        return True

    def send(self, request: bytes, exchange: Exchange) -> asyncio.Future[None]:
        """Writes one request. The future is done when `exchange` holds the answer or an error."""
        assert self._transport is not None
        assert self._exchange is None
        self._exchange = exchange
        self._answered = self._loop.create_future()
        exchange.connection = self
        self.calls += 1
        exchange.sent = perf_counter_ns()
        self._transport.write(request)
        return self._answered

    def overdue(self, sent_before: int) -> bool:
        """Returns whether the exchange in flight was sent before this time."""
        return self._exchange is not None and self._exchange.sent < sent_before

    def fail(self, error: str) -> None:
        """Ends the exchange in flight, if any, with an error and closes the unusable connection."""
        if self._exchange is not None:
            self._finish(error)
        self.close()

    def close(self) -> None:
        """Closes the connection at once."""
        self.open = False
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Feeds the parser. Bytes without a request close the connection."""
        if self._exchange is None:
            self.close()
            return
        if not self._exchange.first_byte:
            self._exchange.first_byte = perf_counter_ns()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.fail(f"answer is not HTTP/1.1: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Fails the exchange in flight, unless the end of the connection completes its body."""
        self.open = False
        exchange = self._exchange
        if exchange is None:
            self._released(self)
            return
        if not exchange.first_byte:
            self._finish("connection lost before the answer")
        elif exchange.status and not exchange.length and not exchange.coding and exc is None:
            self._finish("")  # without a length, the body ends with the connection (RFC 9112 §6.3)
        else:
            self._finish("connection lost during the answer")

    def on_message_begin(self) -> None:
        """Called by the parser. A second answer to one request makes the connection unusable."""
        if self._exchange is None:
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        slot = _HEADER_SLOTS.get(name.lower())
        if slot is not None and self._exchange is not None:
            setattr(self._exchange, slot, value)

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        if self._exchange is not None:
            self._exchange.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        if self._exchange is None:
            return
        if not self._chunks:
            self._exchange.first_body = perf_counter_ns()
        self._chunks.append(body)
        self._size += len(body)
        if self._size > MAX_BODY_BYTES:
            self.fail(f"answer is larger than {MAX_BODY_BYTES >> 20} MiB")

    def on_message_complete(self) -> None:
        """Called by the parser. Ignores an interim answer (1xx)."""
        if self._exchange is not None and self._exchange.status >= 200:
            if not self._parser.should_keep_alive():
                self.open = False
            self._finish("")

    def _finish(self, error: str) -> None:
        exchange, answered = self._exchange, self._answered
        assert exchange is not None
        assert answered is not None
        exchange.done = perf_counter_ns()
        exchange.error = error
        exchange.body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._exchange = self._answered = None
        self._chunks = []
        self._size = 0
        self._note_replica(exchange.replica_raw)
        if not self.open and self._transport is not None:
            self._transport.abort()
        self._released(self)
        if not answered.done():
            answered.set_result(None)

    def _note_replica(self, replica: bytes) -> None:
        """Updates whether one replica has answered all calls of this connection."""
        if replica:
            name = replica.decode("utf-8", "replace")
            self.pinned = self.pinned and self.replica in ("", name)
            self.replica = name
