"""Parses the requests that the fast path understands: plain ones whose headers match the body.

For anything else, valid or not, ``read`` returns None, and the framework handles it. An accepted
request has passed the framework's own validation for its protocol version.
"""

import json
import sys
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from mcp_types import methods
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from mcp_swarm.framework.request import NAMED

LISTS = frozenset({"tools/list", "resources/list", "resources/templates/list", "prompts/list"})

_MEMBERS = {"jsonrpc", "id", "method", "params"}
# Integers beyond this are not the same number in every JSON library.
_EXACT = 2**53
_LONGEST_NUMBER = sys.int_info.default_max_str_digits
_LEGACY = {version.encode(): version for version in HANDSHAKE_PROTOCOL_VERSIONS}
_MODERN = {version.encode(): version for version in MODERN_PROTOCOL_VERSIONS}


@dataclass(slots=True)
class FastRequest:
    """One request: JSON-RPC id, method, protocol version and params."""

    id: int | str
    method: str
    version: str
    params: dict[str, Any] | None

    @property
    def is_modern(self) -> bool:
        """Whether its protocol version is 2026-07-28 or later."""
        return self.version in MODERN_PROTOCOL_VERSIONS


def version_of(headers: dict[bytes, bytes]) -> str | None:
    """Returns the protocol version that the headers name, if it is known."""
    version = headers.get(b"mcp-protocol-version")
    if version is None:
        return types.DEFAULT_NEGOTIATED_VERSION
    return _MODERN.get(version) or _LEGACY.get(version)


def read(
    headers: dict[bytes, bytes], body: bytes, version: str, parsed: Any = None
) -> FastRequest | None:
    """Returns the request in `body`; None if it is not one for the fast path.

    `parsed` is the message in it, if it has been parsed already.
    """
    modern = version in MODERN_PROTOCOL_VERSIONS
    message = parsed if parsed is not None else _parsed(body, modern=modern)
    if type(message) is not dict or not message.keys() <= _MEMBERS:
        return None
    id_, method, params = message.get("id"), message.get("method"), message.get("params")
    if message.get("jsonrpc") != "2.0" or type(method) is not str:
        return None
    if method not in LISTS and method not in NAMED:
        return None
    if type(id_) is not str and not (type(id_) is int and -_EXACT < id_ < _EXACT):
        return None
    if params is None:
        if "params" in message or method in NAMED:
            return None
    elif type(params) is not dict or not _is_plain(method, params):
        return None
    if modern and not _agrees(headers, method, params, version):
        return None
    try:
        methods.CLIENT_REQUESTS[method, version].model_validate(message, by_name=False)
    except ValidationError:
        return None
    return FastRequest(id_, method, version, params)


def _parsed(body: bytes, *, modern: bool) -> Any:
    try:
        # With 2026-07-28 the framework rejects endless numbers, which only its own parser detects.
        return (json.loads if modern and len(body) > _LONGEST_NUMBER else from_json)(body)
    except (ValueError, RecursionError):
        return None


def answer(asked: FastRequest, result: bytes) -> bytes:
    """Returns the JSON-RPC message with an encoded result."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (to_json(asked.id), result)


def _is_plain(method: str, params: dict[str, Any]) -> bool:
    """Returns whether it has no input round, no page of a list, no version of a component."""
    if "inputResponses" in params or "requestState" in params or "cursor" in params:
        return False
    if "task" in params:
        return False
    meta = params.get("_meta")
    if meta is not None and (type(meta) is not dict or "fastmcp" in meta):
        return False
    if meta and "progressToken" in meta and type(meta["progressToken"]) not in (int, str):
        return False
    if method in NAMED and type(params.get(NAMED[method])) is not str:
        return False
    return type(params.get("arguments")) in (dict, type(None))


def _agrees(
    headers: dict[bytes, bytes], method: str, params: dict[str, Any] | None, version: str
) -> bool:
    """Returns whether headers and `_meta` match the body. The framework handles encoded names."""
    meta = params.get("_meta") if params else None
    if not meta or meta.get(types.PROTOCOL_VERSION_META_KEY) != version:
        return False
    if types.CLIENT_CAPABILITIES_META_KEY not in meta:
        return False
    if headers.get(b"mcp-method") != method.encode():
        return False
    if method not in NAMED:
        return True
    assert params is not None
    # Mcp-Name repeats it (2026-07-28, basic/transports/streamable-http)
    name: str = params[NAMED[method]]
    # Checked before it is encoded: half a surrogate pair cannot be.
    plain = name.isascii() and not name.startswith("=?")
    return plain and headers.get(b"mcp-name") == name.encode()
