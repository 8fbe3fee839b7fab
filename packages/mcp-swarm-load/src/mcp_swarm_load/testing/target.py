"""An HTTP server on a real socket that acts as replicas with known behaviour.

As a program it is the bare endpoint for measuring the tester's own speed:
`python -m mcp_swarm_load.testing.target PORT`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

Parts = list[tuple[float, bytes]]
_STREAMED = ("events", "events without answer")

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass
class Target:
    """The behaviour of the server. Each function receives the call's number, from 0."""

    replica: Callable[[int], str] = lambda _: "one"
    delay: Callable[[int], float] = lambda _: 0.0
    fault: Callable[[int], str] = lambda _: ""
    script: Callable[[bytes, dict[str, Any]], Parts] | None = None
    """Returns, for a request's head and message, the parts of the answer, each after a delay."""
    by_connection: bool = False
    """Keep a connection on the replica of its first call, as a TCP balancer does."""
    tls: ssl.SSLContext | None = None
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    """Every request, head and body."""
    open: set[asyncio.Transport] = field(default_factory=set)
    frozen_until: float = 0.0
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}/mcp"

    async def wait_for_requests(self, calls: int) -> None:
        """Returns after this many requests have arrived."""
        while len(self.requests) < calls:  # noqa: ASYNC110  there is no event for each request
            await asyncio.sleep(0.01)

    def freeze(self, seconds: float) -> None:
        """Delays all answers until `seconds` have passed."""
        self.frozen_until = asyncio.get_running_loop().time() + seconds

    def close_idle(self) -> None:
        """Closes every open connection, as a reloading balancer does."""
        for transport in list(self.open):
            # shutdown() acts at once, close() in the loop's next turn.
            transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            transport.close()

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[Target]:
        """Serves on a loopback port while entered; port 0 is a free one."""
        server = await asyncio.get_running_loop().create_server(
            lambda: _Replica(self), "127.0.0.1", port, backlog=4096, ssl=self.tls
        )
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.close_idle()


class _Replica(asyncio.Protocol):
    def __init__(self, target: Target) -> None:
        self.target = target
        self.buffer = b""
        self.name = ""
        target.connections += 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.target.open.add(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.target.open.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self.buffer, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < whole:
                return
            request, self.buffer = self.buffer[:whole], self.buffer[whole:]
            self.target.requests.append(request)
            self._answer(request, end)

    def _answer(self, request: bytes, end: int) -> None:
        target = self.target
        number = next(target.numbers)
        if not self.name or not target.by_connection:
            self.name = target.replica(number)
        loop = asyncio.get_running_loop()
        if target.script is not None:
            after = 0.0
            for seconds, part in target.script(
                request[:end], json.loads(request[end + 4 :] or "{}")
            ):
                after += seconds
                loop.call_later(after, self._write_part, part)
            return
        wait = max(target.delay(number), target.frozen_until - loop.time())
        fault, message = target.fault(number), json.loads(request[end + 4 :])
        if wait > 0:
            loop.call_later(wait, self._write, self.name, fault, message)
        else:
            self._write(self.name, fault, message)

    def _write_part(self, part: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(part)

    def _write(self, name: str, fault: str, message: dict[str, object]) -> None:
        if self.transport.is_closing():
            return
        answer = respond(name, fault, message)
        raw = self.transport.get_extra_info("socket")
        if fault == "leaves":  # close in the packet of the answer's last byte, unannounced
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        if answer:
            self.transport.write(answer)
        if fault == "leaves":
            raw.shutdown(socket.SHUT_RDWR)
        if fault.startswith("cut") or fault in ("closes", "until end", "leaves"):
            self.transport.close()


def respond(name: str, fault: str, message: dict[str, object]) -> bytes:
    """Returns the bytes of one answer, with the fault that `fault` names."""
    if fault == "cut":
        return b""
    if fault == "garbage":
        return b"SSH-2.0-OpenSSH_9.2\r\n"
    status, kind = b"200 OK", b"application/json"
    body = json.dumps(_message(fault, message)).encode()
    if fault == "not json":
        body = b"<html>hello</html>"
    elif fault == "503":
        status = b"503 Service Unavailable"
        body = b"<html><h1>503 Service Unavailable</h1>\nNo server is available.</html>"
    elif fault in _STREAMED:
        kind, body = b"text/event-stream", _events(body if fault == "events" else b"")
    head = b"HTTP/1.1 %b\r\nX-Served-By: %b\r\nContent-Type: %b\r\n" % (
        status,
        name.encode(),
        kind,
    )
    answer = head + _framed(fault, body)
    if fault == "hints":
        return b"HTTP/1.1 103 Early Hints\r\nX-Served-By: nobody\r\n\r\n" + answer
    return answer * 2 if fault == "twice" else answer


def _message(fault: str, message: dict[str, object]) -> dict[str, object]:
    """Returns the JSON-RPC message of an answer."""
    result: dict[str, object] = {"tools": [], "content": [], "resultType": "complete"}
    answer: dict[str, object] = {"jsonrpc": "2.0", "id": message["id"], "result": result}
    match fault:
        case "rpc error":
            text = f"lost in the dark, request {message['id']}"
            del answer["result"]
            answer["error"] = {"code": -32603, "message": text}
        case "tool error":
            result |= {"isError": True, "content": [{"type": "text", "text": "no such region"}]}
        case "wrong id":
            answer["id"] = -1
        case "no content":
            del result["content"], result["tools"]
        case "asks":
            result["resultType"] = "input_required"
    return answer


def _events(answer: bytes) -> bytes:
    """Returns an event stream with a comment, a progress notification and the answer, if any."""
    note = json.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": {}})
    events = b": ping\n\nevent: message\ndata: " + note.encode() + b"\n\n"
    return events + (b"event: message\r\ndata: " + answer + b"\r\n\r\n" if answer else b"")


def _framed(fault: str, body: bytes) -> bytes:
    """Returns the headers that frame the body, and the body."""
    close = b"Connection: close\r\n" if fault in ("closes", "says close") else b""
    if fault == "until end":
        return b"\r\n" + body
    if fault in ("chunked", *_STREAMED):
        half = len(body) // 2
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (body[:half], body[half:]))
        return b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    sent = body[: len(body) // 2] if fault == "cut half" else body
    return close + b"Content-Length: %d\r\n\r\n" % len(body) + sent


class _Bare(asyncio.Protocol):
    """The cheapest possible server: it copies the id, sends a fixed result and parses nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        found = re.search(rb'"id":(\d+)', data)
        body = b'{"jsonrpc":"2.0","id":%b,"result":{"tools":[]}}' % (found[1] if found else b"0")
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Served-By: bare\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )


async def _serve_bare(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Bare, "127.0.0.1", port, backlog=4096)
    print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve_bare(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
