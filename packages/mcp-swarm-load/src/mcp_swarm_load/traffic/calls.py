"""Renders a call in each protocol era and judges its answer.

A call is rendered once, and only its id changes between requests. An answer is right only if all of
it is: HTTP 200, a JSON-RPC response with the request's id, no error, no `isError`, a result of the
method's shape, and what the scenario expects.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol
from urllib.parse import SplitResult

from mcp_swarm_load.target.connection import Exchange
from mcp_swarm_load.traffic.answers import (
    SHAPES,
    Stream,
    excerpt,
    http_failure,
    rpc_failure,
    tool_text,
)

Era = Literal["modern", "legacy"]

VERSIONS: dict[Era, str] = {"modern": "2026-07-28", "legacy": "2025-11-25"}

CLIENT_INFO = {"name": "mcp-swarm-load", "version": "1"}
META = {
    "io.modelcontextprotocol/protocolVersion": VERSIONS["modern"],
    "io.modelcontextprotocol/clientInfo": CLIENT_INFO,
    "io.modelcontextprotocol/clientCapabilities": {},
}
_INPUTS: dict[str, Any] = {"elicitation": {"form": {}}, "sampling": {}, "roots": {}}
_TASKS: dict[str, Any] = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
_NAMED_BY = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
}
_ID_MARK = "\x00id\x00"
_FIRST_SERVER_ERROR = 500
_decode = json.JSONDecoder().decode


class Expectation(Protocol):
    """A condition on an answer. `mcp_swarm_load.traffic.expect` implements it."""

    @property
    def is_error(self) -> bool:
        """Whether it expects or allows an error."""

    def excuses(self, result: dict[str, Any]) -> bool:
        """Returns whether a result is an error that this expectation allows."""

    def wrong(self, result: dict[str, Any], arguments: Mapping[str, Any]) -> str:
        """Returns what is wrong with a result or an error, in one line; empty if nothing is."""


@dataclass(frozen=True, slots=True)
class Features:
    """Optional protocol features that a call uses."""

    progress: bool = False
    """Request progress notifications, which a streamed answer carries."""
    answers: Mapping[str, Any] | None = None
    """Answer input rounds with these values by name, else with values that fit the schema."""
    tasks: bool = False
    """Accept a long task as the answer, and poll it."""
    json_only: bool = False
    """Accept JSON only, no event stream."""

    def capabilities(self) -> dict[str, Any]:
        """Returns the client capabilities that 2026-07-28 declares on each request."""
        return (_INPUTS if self.answers is not None else {}) | (_TASKS if self.tasks else {})


PLAIN = Features()


class Call:
    """An MCP request to one URL in one era, ready to render with any id."""

    def __init__(
        self,
        url: SplitResult,
        era: Era,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        token: str | None = None,
        keep_alive: bool = True,
        features: Features = PLAIN,
        expect: Sequence[Expectation] = (),
    ) -> None:
        self.era = era
        self.method = method
        self.features = features
        self.expect = expect
        self._expects_error = any(each.is_error for each in expect)
        self._head_for = partial(
            request_head,
            url,
            era,
            method,
            token=token,
            keep_alive=keep_alive,
            json_only=features.json_only,
        )
        self._name: str | None = None
        self.write(params or {})
        self.label = f"{method} {self._name}".strip()

    def varied(self, params: Mapping[str, Any]) -> Call:
        """Returns the same call with other parameters."""
        other = copy.copy(self)
        other.write(params)
        return other

    def write(self, params: Mapping[str, Any]) -> None:
        """Sets the parameters and renders the body."""
        self.params = params
        fields = dict(params)
        if self.era == "modern":
            capabilities = self.features.capabilities()
            more = {"io.modelcontextprotocol/clientCapabilities": capabilities}
            fields["_meta"] = {**META, **more} if capabilities else META
        if self.features.progress:
            fields["_meta"] = {**fields.get("_meta", {}), "progressToken": _ID_MARK}
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": _ID_MARK, "method": self.method}
        if self.method.startswith("notifications/"):
            del message["id"]
        if fields:
            message["params"] = fields
        # The id is the first mark and the progress token the last. Parameters may contain marks too.
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
        marks = ("id" in message) + self.features.progress
        mark = json.dumps(_ID_MARK).encode()
        first, *rest = body.split(mark, 1) if "id" in message else (body,)
        last = rest[0].rsplit(mark, 1) if marks == 2 else rest
        self._parts = (first, *last)
        self._marks = len(self._parts) - 1
        self._fixed_length = sum(map(len, self._parts))
        name = str(params.get(_NAMED_BY.get(self.method, ""), ""))
        if name != self._name:
            self._name = name
            self._head = self._head_for(name)

    def render(self, call_id: int, headers: bytes = b"") -> bytes:
        """Returns the HTTP/1.1 request. `headers` are the caller's, each with its line end."""
        number = b"%d" % call_id
        length = self._fixed_length + len(number) * self._marks
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (
            self._head,
            headers,
            length,
            number.join(self._parts),
        )

    def judge(self, call_id: int, exchange: Exchange) -> str:
        """Returns what is wrong with the answer, in one line; empty if nothing is.

        Stores the result, right or wrong, in `exchange.result`. For a streamed answer, stores the
        number of progress notifications in `exchange.progress`.
        """
        if exchange.error:
            return exchange.error
        if exchange.status != 200 and not self._is_error_asked_for(exchange):
            return http_failure(exchange)
        if exchange.content_type.startswith(b"text/event-stream"):
            stream = Stream(exchange.body, call_id, judge_progress=self.features.progress)
            exchange.progress = stream.progress
            if stream.message is None:
                return "event stream ended without the answer"
            if stream.wrong:
                return stream.wrong
            return self._judge_message(call_id, stream.message, exchange)
        try:
            message = _decode(exchange.body.decode())  # json.loads would detect the encoding first
        except ValueError:
            return f"answer is not JSON: {excerpt(exchange.body)}"
        return self._judge_message(call_id, message, exchange)

    def _is_error_asked_for(self, exchange: Exchange) -> bool:
        """Returns whether this is an expected error, which 2026-07-28 may send with HTTP 400 or 404."""
        return (
            self._expects_error
            and 400 <= exchange.status < _FIRST_SERVER_ERROR
            and exchange.content_type.startswith(b"application/json")
        )

    def _judge_message(self, call_id: int, message: object, exchange: Exchange) -> str:
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            return "answer is not a JSON-RPC 2.0 response"
        error = message.get("error")
        if error is not None and not self._expects_error:
            return rpc_failure(error)
        got = message.get("id")
        if got != call_id or type(got) is not int:
            return "answer carries another request's id"
        if error is not None:
            return self._unmet({"isError": True, "content": [{"text": rpc_failure(error)}]})
        result = message.get("result")
        if not isinstance(result, dict):
            return "answer has neither a result nor an error"
        exchange.result = result
        return self.judge_result(result)

    def judge_result(self, result: dict[str, Any]) -> str:
        """Returns what is wrong with a result; empty if nothing is."""
        if result.get("isError") and not self._expects_error:
            return f"tool error: {tool_text(result)}"
        kind = result.get("resultType", "complete")
        if kind != "complete" and (kind, self.method) != ("task", "tasks/get"):
            return f"answer is not complete: resultType {kind!r}"
        key, shape = SHAPES.get(self.method, ("", object))
        if key and not isinstance(result.get(key), shape):
            return f"result of {self.method} has no {key} {shape.__name__}"
        return self._unmet(result) if self.expect else ""

    def _unmet(self, result: dict[str, Any]) -> str:
        if any(each.excuses(result) for each in self.expect):
            return ""
        arguments = self.params.get("arguments", self.params)
        wrongs = (each.wrong(result, arguments) for each in self.expect)
        return next((wrong for wrong in wrongs if wrong), "")


def request_head(
    url: SplitResult,
    era: Era,
    method: str,
    name: str = "",
    *,
    token: str | None = None,
    keep_alive: bool = True,
    json_only: bool = False,
    http_method: str = "POST",
) -> bytes:
    """Returns the request line and all headers but Content-Length, each with its line end."""
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [
        f"{http_method} {target} HTTP/1.1",
        f"Host: {url.netloc.rpartition('@')[2]}",
        "User-Agent: mcp-swarm-load",
        "Content-Type: application/json",
        "Accept: application/json" + ("" if json_only else ", text/event-stream"),
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
    return "".join(f"{line}\r\n" for line in lines).encode()


def _header_value(value: str) -> str:
    """Returns a header value in the encoding of 2026-07-28: base64 where plain text is unsafe."""
    if re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", value) and not re.fullmatch(
        r"=\?base64\?.*\?=", value
    ):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="
