"""How one call is written in each protocol era, and how its answer is judged.

A call is rendered once; only its id changes from one request to the next. An answer counts as
right only if all of it is: HTTP 200, a JSON-RPC response with the id asked for, no error, no
`isError`, and a result of the shape its method promises.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import SplitResult

from loadtest.connection import Exchange

Era = Literal["modern", "legacy"]

VERSIONS: dict[Era, str] = {"modern": "2026-07-28", "legacy": "2025-11-25"}

META = {
    "io.modelcontextprotocol/protocolVersion": VERSIONS["modern"],
    "io.modelcontextprotocol/clientInfo": {"name": "mcp-swarm-loadtest", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_SHAPES: dict[str, tuple[str, type]] = {
    "tools/list": ("tools", list),
    "tools/call": ("content", list),
    "resources/list": ("resources", list),
    "resources/read": ("contents", list),
    "prompts/list": ("prompts", list),
    "prompts/get": ("messages", list),
}
_ID_MARK = "\x00id\x00"
_EXCERPT = 120


class Call:
    """One kind of MCP request to one URL in one era, ready to be rendered with any id."""

    def __init__(
        self,
        url: SplitResult,
        era: Era,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        token: str | None = None,
        keep_alive: bool = True,
    ) -> None:
        self.era = era
        self.method = method
        fields = dict(params or {})
        name = str(fields.get(_NAMED_BY.get(method, ""), ""))
        self.label = f"{method} {name}".strip()
        if era == "modern":
            fields["_meta"] = META
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": _ID_MARK, "method": method}
        if fields:
            message["params"] = fields
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
        self._before, self._after = body.split(json.dumps(_ID_MARK).encode(), 1)
        self._fixed_length = len(self._before) + len(self._after)
        self._head = _head(url, era, method, name, token=token, keep_alive=keep_alive)

    def render(self, call_id: int) -> bytes:
        """The whole HTTP/1.1 request as bytes."""
        number = b"%d" % call_id
        length = self._fixed_length + len(number)
        return b"%b%d\r\n\r\n%b%b%b" % (self._head, length, self._before, number, self._after)

    def judge(self, call_id: int, exchange: Exchange) -> str:
        """What is wrong with the answer, in one line; an empty string if nothing is."""
        if exchange.error:
            return exchange.error
        if exchange.status != 200:
            return _http_failure(exchange)
        if exchange.content_type.startswith(b"text/event-stream"):
            message = _from_events(exchange.body, call_id)
            if message is None:
                return "event stream ended without the answer"
        else:
            try:
                message = json.loads(exchange.body)
            except ValueError:
                return f"answer is not JSON: {_excerpt(exchange.body)}"
        return self._judge_message(call_id, message)

    def _judge_message(self, call_id: int, message: object) -> str:
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            return "answer is not a JSON-RPC 2.0 response"
        error = message.get("error")
        if error is not None:
            return _rpc_failure(error)
        got = message.get("id")
        if got != call_id or type(got) is not int:
            return "answer carries another request's id"
        result = message.get("result")
        if not isinstance(result, dict):
            return "answer has neither a result nor an error"
        if result.get("isError"):
            return f"tool error: {_tool_text(result)}"
        kind = result.get("resultType", "complete")
        if kind != "complete":
            return f"answer is not complete: resultType {kind!r}"
        key, shape = _SHAPES.get(self.method, ("", object))
        if key and not isinstance(result.get(key), shape):
            return f"result of {self.method} has no {key} {shape.__name__}"
        return ""


def _head(
    url: SplitResult, era: Era, method: str, name: str, *, token: str | None, keep_alive: bool
) -> bytes:
    """Request line and headers up to the value of Content-Length."""
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [
        f"POST {target} HTTP/1.1",
        f"Host: {url.netloc.rpartition('@')[2]}",
        "User-Agent: mcp-swarm-loadtest",
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        f"MCP-Protocol-Version: {VERSIONS[era]}",
    ]
    if era == "modern":
        lines.append(f"Mcp-Method: {method}")
        if name:
            lines.append(f"Mcp-Name: {_header_value(name)}")
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if not keep_alive:
        lines.append("Connection: close")
    lines.append("Content-Length: ")
    return "\r\n".join(lines).encode()


def _header_value(value: str) -> str:
    """A header field's value as 2026-07-28 wants it: base64 where plain text would not survive."""
    if re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", value) and not re.fullmatch(
        r"=\?base64\?.*\?=", value
    ):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


def _from_events(body: bytes, call_id: int) -> object | None:
    """The response among the events of an SSE body; notifications before it are passed over."""
    response = None
    for event in re.split(rb"\r?\n\r?\n", body):
        lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
        data = b"\n".join(lines)
        if not data:
            continue
        try:
            message = json.loads(data)
        except ValueError:
            return f"not JSON: {_excerpt(data)}"
        if isinstance(message, dict) and ("result" in message or "error" in message):
            response = message
            if message.get("id") == call_id:
                break
    return response


def _http_failure(exchange: Exchange) -> str:
    """HTTP status and the most telling line of its body."""
    text = ""
    try:
        body = json.loads(exchange.body)
    except ValueError:
        text = _excerpt(re.sub(rb"<[^>]*>", b" ", exchange.body))
    else:
        error = body.get("error") if isinstance(body, dict) else None
        text = _rpc_failure(error) if isinstance(error, dict) else _excerpt(exchange.body)
    if exchange.location:
        text = f"to {exchange.location.decode('latin-1')}"
    return f"HTTP {exchange.status}" + (f": {text}" if text else "")


def _rpc_failure(error: object) -> str:
    if not isinstance(error, dict):
        return f"JSON-RPC error of a wrong shape: {_excerpt(str(error).encode())}"
    return f"JSON-RPC error {error.get('code')}: {_excerpt(str(error.get('message')).encode())}"


def _tool_text(result: dict[str, Any]) -> str:
    content = result.get("content")
    texts = [part.get("text", "") for part in content or [] if isinstance(part, dict)]
    return _excerpt(" ".join(str(text) for text in texts).encode())


def _excerpt(body: bytes) -> str:
    """The first characters of a text in one printable line."""
    text = " ".join(body[: 8 * _EXCERPT].decode("utf-8", "replace").split())
    text = "".join(mark if mark.isprintable() else "?" for mark in text)
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"
