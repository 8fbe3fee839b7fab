"""Behaviours of a target: sessions, streams, input rounds and long tasks.

Each is a `script` of `Target`. It records the requests that it receives, so that a test can check
them.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from mcp_swarm_load.testing.target import Parts

STREAM = b"Content-Type: text/event-stream\r\n"


def header(head: bytes, name: str) -> str:
    """Returns a header's value, or an empty string."""
    found = re.search(rb"(?im)^%b: *([^\r\n]*)" % name.encode(), head)
    return found[1].decode() if found else ""


def http(body: Any = b"", status: int = 200, more: bytes = b"") -> bytes:
    """Returns one HTTP answer. A body that is not bytes is sent as JSON."""
    content = body
    if not isinstance(body, bytes):
        content = json.dumps(body).encode()
        more += b"Content-Type: application/json\r\n"
    lines = b"X-Served-By: one\r\n%bContent-Length: %d\r\n\r\n" % (more, len(content))
    return b"HTTP/1.1 %d X\r\n%b%b" % (status, lines, content)


def result(message: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Returns a JSON-RPC response."""
    return {"jsonrpc": "2.0", "id": message.get("id"), "result": fields}


@dataclass
class SessionServer:
    """Serves sessions of 2025-11-25. It forgets each after `forgets` calls; 0 means never."""

    forgets: int = 0
    swaps: bool = False
    """Answer with another session's id."""
    gives_ids: bool = True
    calls: Counter[str] = field(default_factory=Counter)
    states: dict[str, str] = field(default_factory=dict)
    _numbers: Any = field(default_factory=itertools.count)

    def __call__(self, head: bytes, message: dict[str, Any]) -> Parts:
        if message.get("method") == "initialize":
            own = f"session-{next(self._numbers)}"
            self.states[own] = "begun"
            more = f"Mcp-Session-Id: {own}\r\n".encode() if self.gives_ids else b""
            version = message["params"]["protocolVersion"]
            return [(0.0, http(result(message, protocolVersion=version), more=more))]
        own = header(head, "Mcp-Session-Id")
        if not self.gives_ids:
            return [(0.0, http(result(message, tools=[], content=[])))]
        if head.startswith(b"DELETE"):
            self.states[own] = "closed"
            return [(0.0, http(status=200))]
        if message.get("method") == "notifications/initialized":
            self.states[own] = "open"
            return [(0.0, http(status=202))]
        if self.states.get(own) != "open" or (self.forgets and self.calls[own] >= self.forgets):
            error = {"code": -32600, "message": "Session not found"}
            return [(0.0, http({"jsonrpc": "2.0", "id": None, "error": error}, status=404))]
        self.calls[own] += 1
        returned = "session-x" if self.swaps else own
        more = f"Mcp-Session-Id: {returned}\r\n".encode()
        return [(0.0, http(result(message, tools=[], content=[]), more=more))]


@dataclass
class StreamServer:
    """Streams `steps` progress notifications, one every `pause` seconds, and then the answer."""

    steps: int = 3
    pause: float = 0.02
    token: Any = None
    """Send this progress token instead of the call's."""
    falls: bool = False
    """Send decreasing progress."""

    def __call__(self, head: bytes, message: dict[str, Any]) -> Parts:
        token = self.token or message["params"]["_meta"].get("progressToken")
        parts = [(0.0, b"HTTP/1.1 200 OK\r\n" + STREAM + b"Transfer-Encoding: chunked\r\n\r\n")]
        for number in range(self.steps):
            value = -number if self.falls else number
            note = {"progressToken": token, "progress": value}
            event = {"jsonrpc": "2.0", "method": "notifications/progress", "params": note}
            parts.append((self.pause, self._event(event)))
        parts.append((self.pause, self._event(result(message, content=[], tools=[]))))
        return [*parts, (0.0, b"0\r\n\r\n")]

    def _event(self, message: dict[str, Any]) -> bytes:
        data = f"event: message\ndata: {json.dumps(message)}\n\n".encode()
        return b"%x\r\n%b\r\n" % (len(data), data)


@dataclass
class InputRequester:
    """Requests input `rounds` times before it answers. The state is the number of the round."""

    rounds: int = 2
    replies: list[dict[str, Any]] = field(default_factory=list)
    capabilities: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, head: bytes, message: dict[str, Any]) -> Parts:
        params = message["params"]
        self.capabilities.append(params["_meta"]["io.modelcontextprotocol/clientCapabilities"])
        answered = 0
        if "inputResponses" in params:
            self.replies.append(params["inputResponses"])
            answered = int(params["requestState"].removeprefix("after "))
        if answered >= self.rounds:
            return [(0.0, http(result(message, content=[], resultType="complete")))]
        schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
        form = {"message": "Sure?", "requestedSchema": schema}
        asked = {
            "sure": {"method": "elicitation/create", "params": form},
            "say": {"method": "sampling/createMessage", "params": {"messages": []}},
            "where": {"method": "roots/list"},
        }
        state = f"after {answered + 1}"
        answer = result(
            message, resultType="input_required", inputRequests=asked, requestState=state
        )
        return [(0.02, http(answer))]


@dataclass
class TaskServer:
    """Answers with a task that ends with status `ends` after `polls` polls, `interval` ms apart."""

    polls: int = 3
    interval: int = 20
    ends: str = "completed"
    asks: bool = False
    """Request input before the task ends."""
    seen: Counter[str] = field(default_factory=Counter)
    named: set[str] = field(default_factory=set)
    updates: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, head: bytes, message: dict[str, Any]) -> Parts:
        method, params = message["method"], message["params"]
        if method == "tools/call":
            task = {"taskId": f"task-{message['id']}", "status": "working"}
            return [
                (
                    0.0,
                    http(result(message, resultType="task", pollIntervalMs=self.interval, **task)),
                )
            ]
        own = params["taskId"]
        self.named.add(header(head, "Mcp-Name"))
        if method == "tasks/update":
            self.updates.append(params["inputResponses"])
            return [(0.0, http(result(message, resultType="complete")))]
        self.seen[own] += 1
        state: dict[str, Any] = {"taskId": own, "pollIntervalMs": self.interval}
        if self.seen[own] < self.polls:
            state["status"] = "working"
            if self.asks and self.seen[own] == 1:
                state |= {
                    "status": "input_required",
                    "inputRequests": {"where": {"method": "roots/list"}},
                }
        else:
            state["status"] = self.ends
            state["result"] = {"content": [{"type": "text", "text": "at last"}]}
            state["error"] = {"code": -32603, "message": "the worker died"}
        return [(0.0, http(result(message, resultType="complete", **state)))]
