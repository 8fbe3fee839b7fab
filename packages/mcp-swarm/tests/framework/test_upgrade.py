"""A request that asks to go on in another protocol is served as if it did not (RFC 9110 §7.8)."""

import asyncio
import inspect
import json
import shutil

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mcp_swarm.framework.upgrade import PlainProtocol

WISHES = {
    "h2c": "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ",
    "websocket": "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: c2l4dGVlbiBieXRlcyEh\r\nSec-WebSocket-Version: 13",
    "anything": "connection: upgrade\r\nupgrade: gopher/2, h2c",
}
BODY = json.dumps({"jsonrpc": "2.0", "id": "x" * 3000, "method": "ping"}).encode()


def head(wish: str, *more: str) -> bytes:
    lines = ["Host: localhost", "Content-Type: application/json", WISHES[wish], *more]
    lines += ["Accept: application/json, text/event-stream"]
    return "\r\n".join(["POST /mcp?a=1 HTTP/1.1", *lines, "", ""]).encode()


async def responses(replica, *parts: bytes, count: int = 1) -> list[tuple[int, bytes]]:
    """Status and body of `count` responses on one connection; `parts` are sent one by one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", replica.port)
    found = []
    try:
        async with asyncio.timeout(20):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.02)  # a part is a packet of its own
            for _ in range(count):
                lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
                length = next(int(x.split(b":")[1]) for x in lines if b"content-length" in x)
                found.append((int(lines[0].split()[1]), await reader.readexactly(length)))
    finally:
        writer.close()
    return found


@pytest.mark.parametrize("wish", WISHES)
async def test_the_body_of_such_a_request_arrives(shared, wish):
    """With the headers, after them, in pieces, and in chunks."""
    sized = head(wish, f"Content-Length: {len(BODY)}")
    chunked = head(wish, "Transfer-Encoding: chunked")
    chunks = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (9, BODY[:9], len(BODY) - 9, BODY[9:])
    for parts in (
        [sized + BODY],
        [sized, BODY],
        [sized[:50], sized[50:] + BODY[:100], BODY[100:]],
        [chunked + chunks],
        [chunked, chunks[:20], chunks[20:]],
        [sized[:-1], sized[-1:], BODY],
    ):
        ((status, body),) = await responses(shared, *parts)
        assert status == 200, body
        assert json.loads(body)["id"] == "x" * 3000


@pytest.mark.parametrize("wish", WISHES)
async def test_the_connection_serves_the_next_requests(shared, wish):
    """Pipelined ones too, whether they ask again or not."""
    one = head(wish, f"Content-Length: {len(BODY)}") + BODY
    plain = b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"
    wishing = plain.replace(b"\r\n\r\n", f"\r\n{WISHES[wish]}\r\n\r\n".encode())
    found = await responses(shared, one + plain + one, wishing, plain, count=5)
    assert [status for status, _ in found] == [200] * 5
    assert [b"hostname" in body for _, body in found] == [False, True, False, True, True]


@pytest.mark.skipif(not shutil.which("curl"), reason="this machine has no curl")
async def test_curl_that_prefers_http_2_is_served(shared):
    """`curl --http2` asks for it with every first request in clear."""
    command = ["curl", "-sS", "--http2", "-H", "Content-Type: application/json", "-d", BODY]
    command += ["-H", "Accept: application/json", "-w", "%{http_code}", shared.url]
    ran = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await ran.communicate()
    assert out.endswith(b"200")
    assert b"x" * 3000 in out


async def test_what_is_no_http_is_still_refused(shared):
    """And CONNECT, which asks for another protocol by its method."""
    reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
    writer.write(b"HELLO\r\n\r\n")
    assert b" 400 " in await asyncio.wait_for(reader.readline(), 20)
    writer.close()


@pytest.mark.parametrize("name", ["data_received", "on_headers_complete", "on_message_complete"])
def test_uvicorns_protocol_has(name):
    """What is overridden, with the same parameters."""
    theirs = inspect.signature(getattr(HttpToolsProtocol, name)).parameters
    assert list(theirs) == list(inspect.signature(getattr(PlainProtocol, name)).parameters)
    source = inspect.getsource(HttpToolsProtocol)
    assert "self.parser = httptools.HttpRequestParser(self)" in source
    assert "def _unset_keepalive_if_required(self)" in source
    assert "lenient_data_after_close=True" in source
