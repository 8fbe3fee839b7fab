"""Load on one endpoint: ``python -m lab.bench.load PORT SECONDS CONNECTIONS < what``.

Bytes go out, bytes come in; the first answer of each connection is looked at, the others are
counted by their status and length. Prints JSON: calls, seconds, and the latencies at p50 and p99
(ms). What to send: ``{"request": …, "sessions": [id …], "once": true}``; the calls of a connection
are of one session, or each of another that is used once, until there are no more.
"""

import asyncio
import itertools
import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def wire(request: dict[str, Any], port: int) -> bytes:
    """A request as it goes over the socket."""
    body = json.dumps(request["json"]).encode()
    headers = {**request["headers"], "Host": f"127.0.0.1:{port}", "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /mcp HTTP/1.1\r\n{lines}\r\n".encode() + body


class LoadCaller(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, sends the next."""

    def __init__(self, requests: Iterator[bytes], latencies: list[float]) -> None:
        self.requests = requests
        self.latencies = latencies
        self.first = b""
        self.going = True
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._send()

    def _send(self) -> None:
        request = next(self.requests, None) if self.going else None
        if request is None:
            self.ended.set_result(None)
            return
        self.buffer = bytearray()
        self.length = -1
        self.began = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.length < 0:
            head = self.buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            found = _LENGTH.search(self.buffer, 0, head)
            self.length = head + 4 + int(found[1]) if found else sys.maxsize
        whole = len(self.buffer) >= self.length
        if whole or (self.length == sys.maxsize and self.buffer.endswith(b"\r\n0\r\n\r\n")):
            self._answered()

    def _answered(self) -> None:
        self.latencies.append(time.perf_counter() - self.began)
        self.first = self.first or bytes(self.buffer)
        if not self.buffer.startswith(b"HTTP/1.1 200"):
            self.ended.set_exception(RuntimeError(bytes(self.buffer[:500]).decode()))
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(error or RuntimeError("the server closed the connection"))


def requests(port: int, what: dict[str, Any], connections: int) -> list[Iterator[bytes]]:
    """What each connection sends."""
    request, sessions = what["request"], what.get("sessions", [])
    wires = [
        wire({**request, "headers": {**request["headers"], "Mcp-Session-Id": session}}, port)
        for session in sessions
    ] or [wire(request, port)]
    if what.get("once"):
        return [iter(wires)] * connections  # the same for all: each takes the next
    return [itertools.repeat(wires[number % len(wires)]) for number in range(connections)]


async def load(port: int, to_send: list[Iterator[bytes]], seconds: float) -> dict[str, Any]:
    """A connection for each of them, with one call at a time, for so long.

    Raises:
        RuntimeError: an answer was not 200, or not a result.
    """
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    callers = [LoadCaller(requests, latencies) for requests in to_send]
    began = time.perf_counter()
    for caller in callers:
        await loop.create_connection(lambda caller=caller: caller, "127.0.0.1", port)
    ended = asyncio.gather(*(caller.ended for caller in callers))
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(ended), seconds)
    for caller in callers:
        caller.going = False
    await ended
    spent = time.perf_counter() - began
    for caller in callers:
        caller.transport.close()
    if not any(
        b'"result"' in caller.first and b'"isError":true' not in caller.first for caller in callers
    ):
        raise RuntimeError(f"not a result: {callers[0].first[:500]!r}")
    latencies.sort()
    at = {
        name: latencies[int(len(latencies) * share)] * 1000
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }
    return {"calls": len(latencies), "seconds": spent, **at}


def main() -> None:
    """Reads what to send from stdin, prints what was seen."""
    port, seconds, connections = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    import uvloop

    to_send = requests(port, json.load(sys.stdin), connections)
    print(json.dumps(uvloop.run(load(port, to_send, seconds))))


if __name__ == "__main__":
    main()
