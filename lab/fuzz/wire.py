"""Sends an input on a connection of its own, and reads what comes back."""

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lab.fuzz.inputs import Input

HANGS = 20.0  # seconds; above the server's own limits of reading a request
STREAM = 0.1  # seconds that a stream of events is listened to


@dataclass(frozen=True)
class Seen:
    """What came back; `status` is 0 if nothing did."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float
    hung: bool = False

    @property
    def is_stream(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")

    def message(self) -> Any:
        """The JSON in it. Raises ValueError for what no strict reader takes."""

        def refuse(constant: str) -> None:
            raise ValueError(f"{constant} is not JSON")

        return json.loads(self.body.decode(), parse_constant=refuse)


async def send(port: int, made: Input) -> Seen:
    """One exchange; a sender of less than it announced then ends its side."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    try:
        with suppress(OSError):
            writer.write(made.raw)
            await writer.drain()
            if not made.is_whole:
                writer.write_eof()
        try:
            async with asyncio.timeout(HANGS):
                status, headers, body = await _read(reader)
        except TimeoutError:
            return Seen(0, {}, b"", time.monotonic() - began, hung=True)
        return Seen(status, headers, body, time.monotonic() - began)
    finally:
        writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    status = 100
    headers: dict[str, str] = {}
    while 100 <= status < 200:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except (asyncio.IncompleteReadError, OSError):
            return 0, {}, b""
        status = int(head[0].split(" ")[1])
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
    body = bytearray()
    is_stream = headers.get("content-type", "").startswith("text/event-stream")
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(STREAM if is_stream else None):
            while part := await reader.read(65536):
                body += part
    if headers.get("transfer-encoding") == "chunked":
        return status, headers, _joined(bytes(body))
    return status, headers, bytes(body)


def _joined(chunked: bytes) -> bytes:
    body = b""
    while chunked:
        size, _, rest = chunked.partition(b"\r\n")
        length = int(size or b"0", 16)
        if not length:
            break
        body, chunked = body + rest[:length], rest[length + 2 :]
    return body
