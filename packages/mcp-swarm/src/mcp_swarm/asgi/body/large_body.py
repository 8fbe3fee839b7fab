"""Decides whether a body may be above SMALL: by its first bytes, and again by the whole body.

Most methods have small parameters. A large body of another method is refused before it is read, and
one of too many values before it is parsed: a parser holds the event loop for as long as it takes.
"""

import json
import re
from typing import Any

from pydantic_core import from_json

from mcp_swarm.framework import OLDER_VERSIONS

# Bytes. Above it a body is refused, unless it is of one of LARGE or answers the server.
SMALL = 64 << 10
LARGE = frozenset({"tools/call", "tasks/update"})
# Numbers, strings, lists, objects and so on in one body: more take too long to parse.
MAX_VALUES = 200_000

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def is_modern(headers: dict[bytes, bytes]) -> bool:
    """Whether the headers name a protocol version that has Mcp-Method, which is checked later."""
    version = headers.get(b"mcp-protocol-version")
    return version is not None and version not in OLDER_VERSIONS


def may_be_large(headers: dict[bytes, bytes]) -> bool:
    """Whether the headers leave it open that the body may be above SMALL."""
    method = headers.get(b"mcp-method", b"").decode("latin-1")
    return method in LARGE if is_modern(headers) else True


def begins_large(start: bytes) -> bool:
    """Whether a body that begins so may be a large one; true too if `start` does not yet say."""
    try:
        return _is_large(from_json(start, allow_partial="trailing-strings"), cut=True)
    except ValueError:
        return False  # not JSON, whatever follows


def has_too_many_values(body: bytes) -> bool:
    """Whether it has more than MAX_VALUES, counted without parsing it."""
    quotes = body.count(b'"') - body.count(b'\\"')
    if quotes > 2 * MAX_VALUES:
        return True
    # At least as many as there are: there may be commas and brackets in strings.
    if _separators(body) <= MAX_VALUES:
        return False
    return _separators(_STRING.sub(b"", body)) > MAX_VALUES


def parsed(body: bytes, *, modern: bool) -> Any:
    """The message, as the framework would parse it: at 2026-07-28 endless numbers are refused.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is too deep.
    """
    return json.loads(body) if modern else from_json(body)


def is_large(message: Any) -> bool:
    """Whether a whole message may be above SMALL."""
    return _is_large(message, cut=False)


def _is_large(message: Any, *, cut: bool) -> bool:
    if not isinstance(message, dict):
        return False
    if "method" in message:
        method = message["method"]
        return isinstance(method, str) and method in LARGE
    return cut or "result" in message or "error" in message


def _separators(body: bytes) -> int:
    return body.count(b",") + body.count(b"[") + body.count(b"{")
