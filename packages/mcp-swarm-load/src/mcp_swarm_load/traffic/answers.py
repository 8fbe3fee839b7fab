"""Reads answers: the message in a JSON body or an event stream, and failures as one line."""

from __future__ import annotations

import json
import re
from typing import Any

from mcp_swarm_load.target.connection import Exchange

_EXCERPT = 120

SHAPES: dict[str, tuple[str, type]] = {
    "tools/list": ("tools", list),
    "tools/call": ("content", list),
    "resources/list": ("resources", list),
    "resources/read": ("contents", list),
    "resources/templates/list": ("resourceTemplates", list),
    "prompts/list": ("prompts", list),
    "prompts/get": ("messages", list),
    "initialize": ("protocolVersion", str),
    "tasks/get": ("status", str),
}
"""The field that the result of a method must have, and its type."""


class Stream:
    """Reads an event stream for the answer to request `call_id`.

    `message` is that answer, else the last response in the stream, else None. `wrong` is what is
    wrong with the progress notifications, if the call requested them.
    """

    def __init__(self, body: bytes, call_id: int, *, judge_progress: bool) -> None:
        self.message: object = None
        self.progress = 0
        self.wrong = ""
        self._highest = float("-inf")
        for event in re.split(rb"\r?\n\r?\n", body):
            lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
            data = b"\n".join(lines)
            if not data:
                continue
            try:
                message = json.loads(data)
            except ValueError:
                self.message = f"not JSON: {excerpt(data)}"
                return
            if not isinstance(message, dict):
                continue
            if message.get("method") == "notifications/progress":
                self.progress += 1
                if judge_progress:
                    self._judge_progress(message.get("params"), call_id)
            elif "result" in message or "error" in message:
                self.message = message
                if message.get("id") == call_id:
                    return

    def _judge_progress(self, params: Any, call_id: int) -> None:
        """Checks that the token is the call's and the value grows (spec, basic/utilities/progress)."""
        params = params if isinstance(params, dict) else {}
        token, value = params.get("progressToken"), params.get("progress")
        if token != call_id or not isinstance(value, int | float):
            self.wrong = self.wrong or "the stream has progress of another request"
        elif value <= self._highest:
            self.wrong = self.wrong or "progress does not grow"
        else:
            self._highest = value


def http_failure(exchange: Exchange) -> str:
    """Returns the HTTP status and an excerpt of the body."""
    text = ""
    try:
        body = json.loads(exchange.body)
    except ValueError:
        text = excerpt(re.sub(rb"<[^>]*>", b" ", exchange.body))
    else:
        error = body.get("error") if isinstance(body, dict) else None
        text = rpc_failure(error) if isinstance(error, dict) else excerpt(exchange.body)
    if exchange.location:
        text = f"to {exchange.location.decode('latin-1')}"
    return f"HTTP {exchange.status}" + (f": {text}" if text else "")


def rpc_failure(error: object) -> str:
    """Returns a JSON-RPC error as one line."""
    if not isinstance(error, dict):
        return f"JSON-RPC error of a wrong shape: {excerpt(str(error).encode())}"
    return f"JSON-RPC error {error.get('code')}: {excerpt(str(error.get('message')).encode())}"


def tool_text(result: dict[str, Any]) -> str:
    """Returns the texts of a tool's result as one line."""
    return excerpt(all_text(result).encode())


def all_text(result: dict[str, Any]) -> str:
    """Returns all texts of a tool's result, joined."""
    content = result.get("content")
    texts = [part.get("text", "") for part in content or [] if isinstance(part, dict)]
    return " ".join(str(text) for text in texts)


def excerpt(body: bytes) -> str:
    """Returns the first characters of a text as one printable line."""
    text = " ".join(body[: 8 * _EXCERPT].decode("utf-8", "replace").split())
    text = "".join(mark if mark.isprintable() else "?" for mark in text)
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"
