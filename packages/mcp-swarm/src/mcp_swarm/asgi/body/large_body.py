"""Decides whether a body may be larger than SMALL: by its first bytes, then by the whole body.

Most methods have small parameters. A large body of such a method is rejected before it is read, and
one with too many values before it is parsed: parsing blocks the event loop.
"""

import json
import re
from typing import Any

from pydantic_core import from_json

from mcp_swarm.framework import OLDER_VERSIONS

# Bytes. A larger body is rejected, unless its method is in LARGE or it answers the server.
SMALL = 64 << 10
LARGE = frozenset({"tools/call", "tasks/update"})
# Numbers, strings, lists, objects and so on in one body: more take too long to parse.
MAX_VALUES = 200_000

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def is_modern(headers: dict[bytes, bytes]) -> bool:
    """Returns whether the protocol version has Mcp-Method, which is checked against the body later."""
    version = headers.get(b"mcp-protocol-version")
    return version is not None and version not in OLDER_VERSIONS


def may_be_large(headers: dict[bytes, bytes]) -> bool:
    """Returns whether the body may be larger than SMALL, as far as the headers say."""
    method = headers.get(b"mcp-method", b"").decode("latin-1")
    return method in LARGE if is_modern(headers) else True


def begins_large(start: bytes) -> bool:
    """Returns whether a body with this start may be large; also true if `start` does not decide it."""
    try:
        return _is_large(from_json(start, allow_partial="trailing-strings"), cut=True)
    except ValueError:
        return False  # not JSON, whatever follows


def has_too_many_values(body: bytes) -> bool:
    """Returns whether the body has more than MAX_VALUES, counted without parsing."""
    quotes = body.count(b'"') - body.count(b'\\"')
    if quotes > 2 * MAX_VALUES:
        return True
    # An upper bound: commas and brackets in strings count too.
    if _separators(body) <= MAX_VALUES:
        return False
    return _separators(_STRING.sub(b"", body)) > MAX_VALUES


def parsed(body: bytes, *, modern: bool) -> Any:
    """Returns the message, parsed like the framework does: 2026-07-28 rejects endless numbers.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    return json.loads(body) if modern else from_json(body)


def is_large(message: Any) -> bool:
    """Returns whether a whole message may be larger than SMALL."""
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
