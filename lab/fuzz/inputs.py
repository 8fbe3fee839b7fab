"""Inputs as bytes on a connection: an HTTP request around a message, with something odd in it."""

from dataclasses import dataclass
from random import Random

from lab.fuzz import messages
from lab.mcp_wire import ERAS, Era

VALUES = ["", " ", "x", "x" * 9000, "\x00", "é", "a, b", "2026-07-28", "1999-01-01", "-1", "*/*",
          "application/json", "text/event-stream;q=0", "=?base64?4pyT?=", "=?base64?!?=", "null",
          "https://evil.example", "Bearer x", "multipart/form-data; boundary=x", "gzip"]  # fmt: skip
NAMES = ["Accept", "Content-Type", "MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Host",
         "Mcp-Session-Id", "Last-Event-ID", "Origin", "Authorization", "Content-Encoding",
         "X-Request-Id", "traceparent", "X-Forwarded-For", "Accept-Encoding", "Connection",
         "Upgrade", "Cookie", "Range", "If-Match", "Mcp-Param-Region", "X" * 300]  # fmt: skip
METHODS = ["GET", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD", "TRACE", "BREW", "post", ""]
PATHS = ["/mcp", "/mcp/", "/mcp?x=1", "/mcp//", "/%6dcp", "/mcp/../mcp", "/", "/version/", "/readyz",
         "/healthz", "/jobs", "/jobs/x/status", "/jobs/%00", "/nowhere", "*", "//", "/\xff",
         "/.well-known/oauth-protected-resource", "/" + "x" * 5000]  # fmt: skip


@dataclass(frozen=True)
class Input:
    """What is sent, and what a reader of a finding needs to send it again."""

    number: int
    raw: bytes
    is_whole: bool
    """Whether it is all that it says: else the sender ends its side, and no answer is owed."""


def inputs(seed: int, count: int) -> "list[int]":
    """Numbers of inputs; each is made from its own, so that one alone can be made again."""
    return [seed * 1_000_000 + number for number in range(count)]


def make(number: int, session: str | None) -> Input:
    """The input of this number. `session` is used by most of those of 2025-11-25."""
    chance = Random(number)
    era: Era = chance.choice(ERAS)
    headers, message = messages.made(chance, era)
    lines = [("Host", "localhost"), *headers.items()]
    if session and era == "legacy" and chance.random() < 0.9:
        lines.append(("Mcp-Session-Id", session))
    verb, path, body = "POST", "/mcp", b""
    where = chance.random()
    if where < 0.4:
        message = messages.odd(chance, message)
    body = messages.text(chance, message)
    if where > 0.65:
        lines = _odd_headers(chance, lines)
    if where > 0.9:
        verb = chance.choice(METHODS) if chance.random() < 0.6 else verb
        path = chance.choice(PATHS)
    framed, is_whole = _framed(chance, body) if chance.random() < 0.3 else (_plain(body), True)
    head = f"{verb} {path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines)
    # One request a connection: a mistake of one is not taken for one of the next.
    raw = head.encode("utf-8", "surrogatepass") + b"Connection: close\r\n" + framed
    return Input(number, raw, is_whole)


def _odd_headers(chance: Random, lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(lines))
        name, value = lines[at]
        kind = chance.randrange(6)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.append((name, chance.choice([value, *VALUES])))
        elif kind == 2:
            lines[at] = (chance.choice([name.upper(), name.lower(), name.title()]), value)
        elif kind == 3:
            lines[at] = (name, chance.choice(VALUES))
        elif kind == 4:
            lines.append((chance.choice(NAMES), chance.choice(VALUES)))
        else:
            lines[at] = (name, f"  {value.upper()}\t")
        if not lines:
            return [("Host", "localhost")]
    return lines


def _plain(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def _framed(chance: Random, body: bytes) -> tuple[bytes, bool]:
    """The end of the head and the body in another frame, and whether that frame is whole."""
    kind = chance.randrange(9)
    if kind == 0:
        return b"Expect: 100-continue\r\n" + _plain(body), True
    if kind == 1:
        size = chance.randint(1, 64)
        parts = [body[at : at + size] for at in range(0, len(body), size)]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
        return b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n", True
    if kind == 2:
        return b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body, False
    if kind == 3:
        return b"Content-Length: %d\r\n\r\n%b" % (len(body) + 10, body), False
    if kind == 4:
        return b"Content-Length: %d\r\n" % (len(body) + 1) + _plain(body), False
    if kind == 5:
        return b"Transfer-Encoding: chunked\r\n" + _plain(body), False
    if kind == 6:
        return b"Content-Length: -1\r\n\r\n" + body, False
    if kind == 7:
        return b"\r\n", True
    return b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", False
