"""Reads the body of a request once, within limits of size, time and memory, and replays it.

``MCP_BODY_LIMIT`` bounds every body. On the MCP endpoint only tools/call, tasks/update and answers to
the server's own requests may be that large; every other body may have 64 KB. A body must arrive
within SECONDS, and a replica holds no more bytes of bodies than its budget (``budget.py``). The inner
apps find the body in the scope, under BODY, and may still `receive` it.
"""

import asyncio
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_swarm import identity
from mcp_swarm.asgi.body import large_body
from mcp_swarm.asgi.body.budget import Budget, BudgetSpentError
from mcp_swarm.asgi.body.deadlines import Deadlines
from mcp_swarm.asgi.body.large_body import SMALL
from mcp_swarm.framework import BODY, PARSED
from mcp_swarm.problem import problem, too_large
from mcp_swarm.telemetry import call_record

# Seconds from the head of a request to the end of its body.
SECONDS = 10.0

_METHODS = {"POST", "PUT", "PATCH"}


class BodyMiddleware:
    """Answers 408, 413 or 503 to a body that is over a limit.

    Args:
        app: what reads the body.
        path: of the MCP endpoint.
        limit: largest body, in bytes.
    """

    def __init__(self, app: ASGIApp, *, path: str, limit: int) -> None:
        self.app = app
        self.path = path
        self.limit = limit
        self.small = min(SMALL, limit)
        self.budget = Budget(limit)
        self.deadlines = Deadlines(SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in _METHODS:
            await self.app(scope, receive, send)
            return
        long: _LongBody | None = None
        task = self.deadlines.begin()
        try:
            try:
                message = await receive()
                if message.get("more_body") or len(message.get("body", b"")) > self.small:
                    long = _LongBody(self, scope)
                    message = await long.read(message, receive)
            except asyncio.CancelledError:
                if not self.deadlines.end(task) or task.uncancel():
                    raise
                await _too_slow()(scope, receive, send)
                return
            except _RefusedError as refused:
                await refused.response(scope, receive, send)
                return
            finally:
                self.deadlines.end(task)
            if message["type"] == "http.request":  # else the client has disconnected
                scope[BODY] = message["body"]
                call_record.of(scope).request_bytes = len(message["body"])
                await self.app(scope, _replayed(message, receive), send)
        finally:
            if long:
                long.release()


class _LongBody:
    """A body that comes in parts, or is above SMALL; its bytes count against the budget."""

    def __init__(self, limits: BodyMiddleware, scope: Scope) -> None:
        self._budget = limits.budget
        self._limit = limits.limit
        self._scope = scope
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._is_mcp = scope["path"] == limits.path
        self._caller = identity.of(scope).owner if scope.get("user") else ""
        self._held = 0

    async def read(self, message: Message, receive: Receive) -> Message:
        """Returns one message with the whole body; the disconnect message if the client disconnects.

        Raises:
            _RefusedError: a limit is reached.
        """
        self._refuse_by_head()
        parts: list[bytes] = []
        size, is_open = 0, self._is_mcp
        while message["type"] == "http.request":
            part = message.get("body", b"")
            parts.append(part)
            size += len(part)
            self._take(len(part), size)
            if is_open and size > SMALL:
                self._refuse_by_start(b"".join(parts)[:SMALL])
                is_open = False
            if not message.get("more_body"):
                body = b"".join(parts)
                if size > SMALL and self._is_mcp:
                    self._refuse_by_content(body)
                return {"type": "http.request", "body": body, "more_body": False}
            message = await receive()
        return message

    def release(self) -> None:
        """Returns the bytes to the budget, at the end of the request."""
        self._budget.give_back(self._held, self._caller)

    def _take(self, part: int, size: int) -> None:
        if size > self._limit:
            raise _RefusedError(too_large(self._limit))
        try:
            self._budget.take(part, self._caller)
        except BudgetSpentError:
            raise _RefusedError(_no_room()) from None
        self._held += part

    def _refuse_by_head(self) -> None:
        declared = self._headers.get(b"content-length", b"")
        size = int(declared) if declared.isdigit() else 0
        if size > self._limit:
            raise _RefusedError(too_large(self._limit))
        if size > SMALL and self._is_mcp and not large_body.may_be_large(self._headers):
            raise _RefusedError(_not_large(self._limit))

    def _refuse_by_start(self, start: bytes) -> None:
        if not large_body.may_be_large(self._headers) or not large_body.begins_large(start):
            raise _RefusedError(_not_large(self._limit))

    def _refuse_by_content(self, body: bytes) -> None:
        if large_body.has_too_many_values(body):
            raise _RefusedError(_too_many_values())
        modern = large_body.is_modern(self._headers)
        try:
            message: Any = large_body.parsed(body, modern=modern)
        except (ValueError, RecursionError):
            return  # the inner app reports what is wrong with it
        if not large_body.is_large(message):
            raise _RefusedError(_not_large(self._limit))
        self._scope[PARSED] = message


class _RefusedError(Exception):
    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def _replayed(message: Message, receive: Receive) -> Receive:
    """Returns a `receive` that returns `message` first."""
    first: Message | None = message

    async def replay() -> Message:
        nonlocal first
        if first is None:
            return await receive()
        given, first = first, None
        return given

    return replay


def _too_slow() -> Response:
    response = problem(
        408,
        "Request Timeout",
        f"The body did not arrive within {SECONDS:g} s. Nothing was carried out; try again.",
    )
    response.headers["Connection"] = "close"
    return response


def _not_large(limit: int) -> Response:
    return problem(
        413,
        "Content Too Large",
        f"The body is larger than {SMALL} bytes. Only tools/call, tasks/update and answers to the "
        f"server's requests may have up to {limit} bytes (MCP_BODY_LIMIT). Send less at once.",
    )


def _too_many_values() -> Response:
    return problem(
        413,
        "Content Too Large",
        f"The body holds more than {large_body.MAX_VALUES} JSON values. Send less at once, or send "
        "the data as one string.",
    )


def _no_room() -> Response:
    response = problem(
        503,
        "Service Unavailable",
        "This replica has no memory left for request bodies. Nothing was carried out; try again.",
    )
    response.headers["Retry-After"] = "1"
    return response
