"""A short path for plain requests, beside the framework's; on unless answers are streamed.

It takes a ``POST`` of one well-formed request that it understands in full (``message.py``):
calls of plain tools, the four lists, reading a resource, getting a prompt. Authentication, MCP
middleware, validation, errors and the tools' own context are the framework's; what it leaves
away is what the framework builds around them for each request: transports, streams, tasks, and
the same validation again. Everything else it hands to the framework, body and all.
"""

import logging
from collections.abc import Collection
from typing import Any

from fastmcp import Context, FastMCP
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic_core import to_json
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.core.edge.short_path.calls import Calls
from server.core.edge.short_path.fetches import Fetches
from server.core.edge.short_path.lists import Lists
from server.core.edge.short_path.message import LISTS, NAMED, Asked, read, version_of
from server.core.framework import catalogue
from server.core.framework import request as framework

__all__ = ["ShortPathMiddleware"]

logger = logging.getLogger(__name__)

# Accept headers that were judged before; clients have few.
_KEPT_ACCEPTS = 64
_JSON = (b"application/json", b"application/*", b"*/*")


class ShortPathMiddleware:
    """Answers what is plain, and hands the rest to `app`.

    Args:
        app: the framework's, which answers the same in its own way.
        mcp: the server behind both.
        path: of the MCP endpoint.
        body_limit: largest body, in bytes; the framework refuses a larger one.
        has_sessions: clients up to 2025-11-25 have sessions, so that theirs is the framework's.
        may_stream: a caller that accepts an event stream may get one, which is the framework's.
        harmless: SDK middleware that does nothing to a request without ``requestState``.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        mcp: FastMCP,
        path: str,
        body_limit: int,
        has_sessions: bool,
        may_stream: bool,
        harmless: Collection[Any] = (),
    ) -> None:
        self.app = app
        self.mcp = mcp
        self.path = path
        self.body_limit = body_limit
        self.has_sessions = has_sessions
        self.may_stream = may_stream
        self.harmless = harmless
        self.bearer = catalogue.bearer_backend(mcp)
        self.calls = Calls(mcp)
        self.fetches = Fetches(mcp)
        self.lists = Lists(mcp)
        self._accepts: dict[bytes, bool] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != self.path:
            await self.app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        version = self._version(headers) if len(headers) == len(scope["headers"]) else None
        if version is None or not framework.is_serving(self.mcp):
            await self.app(scope, receive, send)
            return
        body, receive = await _body(receive)
        asked = read(headers, body, version) if body else None
        told = await self._answer(asked, scope) if asked else None
        if told is None:
            await self.app(scope, receive, send)
        else:
            logger.debug("the short path answered")
            await _respond(send, *told)

    def _version(self, headers: dict[bytes, bytes]) -> str | None:
        """The request's protocol version if its headers are plain, else None."""
        size, kind = headers.get(b"content-length", b""), headers.get(b"content-type", b"")
        if not size.isdigit() or int(size) > self.body_limit:
            return None
        if kind != b"application/json" and not kind.startswith(b"application/json;"):
            return None
        accept = headers.get(b"accept", b"")
        judged = self._accepts.get(accept)
        if judged is None:
            if len(self._accepts) >= _KEPT_ACCEPTS:
                self._accepts.clear()
            judged = self._accepts[accept] = self._accepted(accept)
        version = version_of(headers) if judged else None
        return None if self.has_sessions and version in HANDSHAKE_PROTOCOL_VERSIONS else version

    def _accepted(self, accept: bytes) -> bool:
        kinds = {part.split(b";")[0].strip().lower() for part in accept.split(b",")}
        if self.may_stream and kinds & {b"text/event-stream", b"text/*", b"*/*"}:
            return False
        return not kinds.isdisjoint(_JSON)

    async def _answer(self, asked: Asked, scope: Scope) -> tuple[int, bytes] | None:
        """Status and body, or None if the framework has to answer after all."""
        meta = asked.params.get("_meta") if asked.params else None
        if framework.is_traced(meta) or framework.is_wrapped(self.mcp, self.harmless):
            return None
        if self.mcp.auth and not await self._let_in(scope):
            return None
        request = framework.RequestContext(self.mcp, Request(scope), asked)
        with framework.serving(request):
            try:
                async with Context(fastmcp=self.mcp) as context:
                    if asked.is_modern and self.mcp.auth and await catalogue.has_rules(context):
                        return None
                    result = await self._result(asked, request, context)
                    return None if result is None else (200, _message(asked, result))
            except Exception as error:  # the one place where an error becomes an answer
                return framework.error_answer(error, asked)
            finally:
                await request.close()

    async def _let_in(self, scope: Scope) -> bool:
        """Whether the caller's token is good; the framework refuses, if not."""
        found = await self.bearer.authenticate(Request(scope)) if self.bearer else None
        if found is None or self.mcp.auth is None:
            return False
        scope["auth"], scope["user"] = found
        return set(self.mcp.auth.required_scopes) <= set(found[0].scopes)

    async def _result(
        self, asked: Asked, request: framework.RequestContext, context: Context
    ) -> bytes | None:
        """The encoded result, None if it is for the framework."""
        if asked.method in LISTS:
            return await self.lists.answer(request, context)
        assert asked.params is not None
        if asked.method != "tools/call":
            found = self.fetches.find(asked.method, asked.params[NAMED[asked.method]])
            if found is None:
                return framework.encoded(await framework.handled(request), asked)
            if not await catalogue.may_use(found):
                return None
            return framework.encoded(await self.fetches.answer(request, context), asked)
        tool = self.calls.tool(asked.params["name"])
        if tool is None or not await catalogue.may_use(tool):
            return None
        return framework.encoded(await self.calls.answer(request, context), asked)


def _message(asked: Asked, result: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (to_json(asked.id), result)


async def _body(receive: Receive) -> tuple[bytes, Receive]:
    """The request's body, and a `receive` that gives it once more; empty if it was cut."""
    got = [await receive()]
    while got[-1].get("more_body"):
        got.append(await receive())
    again = iter(got)

    async def replay() -> Message:
        return next(again, None) or await receive()

    if got[-1]["type"] != "http.request":
        return b"", replay
    return got[0]["body"] if len(got) == 1 else b"".join(m["body"] for m in got), replay


async def _respond(send: Send, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
