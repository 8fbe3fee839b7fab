"""A fast path for plain requests, in place of the framework's; on unless responses are streamed.

It takes a ``POST`` with one well-formed request that it understands completely (``message.py``): calls
of plain tools, the four lists, reading a resource, getting a prompt. Authentication, MCP middleware,
validation, errors and the context of tools are those of the framework. It skips what the framework
creates around them for each request: transports, streams, tasks, and repeated validation. It passes
everything else on to the framework.
"""

import logging
from collections.abc import Collection
from typing import Any, Literal

from fastmcp import Context, FastMCP
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_swarm.fast_path.calls import Calls
from mcp_swarm.fast_path.fetches import Fetches
from mcp_swarm.fast_path.in_session import Found, InSession, Sessions
from mcp_swarm.fast_path.lists import Lists
from mcp_swarm.fast_path.message import LISTS, FastRequest, answer, read, version_of
from mcp_swarm.fast_path.spans import in_span
from mcp_swarm.framework import BODY, PARSED, catalogue
from mcp_swarm.framework import request as framework_request
from mcp_swarm.framework.catalogue import ComponentNames
from mcp_swarm.framework.request import NAMED
from mcp_swarm.isolation import contained, is_cancelled
from mcp_swarm.telemetry import call_record

__all__ = ["FastPathMiddleware"]

logger = logging.getLogger(__name__)

# Maximum number of cached Accept headers; clients use few.
_KEPT_ACCEPTS = 64
_JSON = (b"application/json", b"application/*", b"*/*")
_STREAMS = {b"text/event-stream", b"text/*", b"*/*"}
_BOTH = {b"application/json", b"text/event-stream"}


class FastPathMiddleware:
    """Answers plain requests, and passes the rest to `app`.

    Args:
        app: the framework's app, which gives the same answers.
        mcp: the server of both.
        path: of the MCP endpoint.
        has_sessions: whether clients of 2025-11-25 and older have sessions. Then their requests go to
            `sessions`, or else to the framework.
        sessions: the sessions that all replicas share, if any.
        json_response: as ``MCP_JSON_RESPONSE``: a request that may get an event stream goes to the
            framework, except in `sessions`.
        harmless: SDK middleware that does nothing to a request without ``requestState``.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        mcp: FastMCP,
        path: str,
        has_sessions: bool,
        json_response: bool | Literal["auto"],
        sessions: Sessions | None = None,
        harmless: Collection[Any] = (),
    ) -> None:
        self.app = app
        self.mcp = mcp
        self.path = path
        self.has_sessions = has_sessions
        self.json_response = json_response
        self.harmless = harmless
        self.calls = Calls(mcp)
        self.fetches = Fetches(mcp)
        self.lists = Lists(mcp)
        self.names = ComponentNames(mcp)
        self.in_session = InSession(mcp, sessions, self._found, self.names) if sessions else None
        self._accepts: dict[tuple[bytes, bool], bool] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != self.path:
            await self.app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        version = self._version(headers) if len(headers) == len(scope["headers"]) else None
        if version is None or not framework_request.is_serving(self.mcp):
            await self.app(scope, receive, send)
            return
        asked = read(headers, scope[BODY], version, scope.get(PARSED))
        if asked is None or not await self._answer(asked, scope, send):
            await self.app(scope, receive, send)
        else:
            logger.debug("the fast path answered")

    def _version(self, headers: dict[bytes, bytes]) -> str | None:
        """Returns the request's protocol version if its headers are plain, else None."""
        kind = headers.get(b"content-type", b"").lower()
        if kind != b"application/json" and not kind.startswith(b"application/json;"):
            return None
        version = version_of(headers)
        in_session = self.has_sessions and version in HANDSHAKE_PROTOCOL_VERSIONS
        if in_session and (self.in_session is None or b"mcp-session-id" not in headers):
            return None
        return version if self._takes(headers.get(b"accept", b""), in_session) else None

    def _takes(self, accept: bytes, in_session: bool) -> bool:
        """Returns whether the client accepts the response's form."""
        judged = self._accepts.get((accept, in_session))
        if judged is None:
            if len(self._accepts) >= _KEPT_ACCEPTS:
                self._accepts.clear()
            judge = self._accepted_in_session if in_session else self._accepted
            judged = self._accepts[accept, in_session] = judge(accept)
        return judged

    def _accepted(self, accept: bytes) -> bool:
        kinds = {part.split(b";")[0].strip().lower() for part in accept.split(b",")}
        # With "auto" the client may prefer a stream to JSON, by quality: the framework decides.
        if self.json_response == "auto" and (b";" in accept or kinds & _STREAMS):
            return False
        return bool(self.json_response) and not kinds.isdisjoint(_JSON)

    @staticmethod
    def _accepted_in_session(accept: bytes) -> bool:
        """Returns whether the client accepts both, in the usual spelling (2025-11-25 requires both)."""
        return {part.strip() for part in accept.split(b",")} == _BOTH

    async def _answer(self, asked: FastRequest, scope: Scope, send: Send) -> bool:
        """Answers the request; False if the framework must do it."""
        if framework_request.is_wrapped(self.mcp, self.harmless):
            return False
        if self.has_sessions and not asked.is_modern:
            return self.in_session is not None and await self.in_session.answer(asked, scope, send)
        response = await self._response(asked, scope)
        if response is not None:
            await _respond(send, *response)
        return response is not None

    async def _response(self, asked: FastRequest, scope: Scope) -> tuple[int, bytes] | None:
        """Returns status and body; None if the framework must answer."""
        request = framework_request.RequestContext(self.mcp, Request(scope), asked)
        record = call_record.of(scope)
        with framework_request.serving(request):
            try:
                async with Context(fastmcp=self.mcp) as context:
                    if asked.is_modern and self.mcp.auth and await catalogue.has_rules(context):
                        return None
                    result = await self._result(asked, request, context)
                    if result is None:
                        return None
                    record.returned(result)
                    return 200, answer(asked, framework_request.encoded(result))
            except BaseException as error:  # the one place where an error becomes an answer
                if is_cancelled(error):
                    record.raised(error, asked.version)
                    raise
                error = contained(error, asked.method)
                record.raised(error, asked.version)
                return framework_request.error_answer(error, asked)
            finally:
                await request.close()

    async def _result(
        self, asked: FastRequest, request: framework_request.RequestContext, context: Context
    ) -> Any:
        """The result on the wire, encoded or not; None if it is for the framework."""
        found = self._found(asked)
        if found is None:
            return None
        component, result = found
        if component is not None and not await catalogue.may_use(component):
            return None
        record = call_record.of(request.request.scope)
        record.asks_for(asked.method, asked.params, self.names)
        return await in_span(result, request, context)

    def _found(self, asked: FastRequest) -> Found | None:
        """Returns the component and the function that makes the result; None for the framework."""
        if asked.method in LISTS:
            return None, self.lists.answer
        assert asked.params is not None
        name = asked.params[NAMED[asked.method]]
        if asked.method == "tools/call":
            tool = self.calls.tool(name)
            return (tool, self.calls.answer) if tool else None
        found = self.fetches.find(asked.method, name)
        return (found, self.fetches.answer) if found else (None, _handled)


async def _handled(request: framework_request.RequestContext, _: Context) -> Any:
    """Answers with the framework's own handler, for components that are in no table."""
    return await framework_request.handled(request)


async def _respond(send: Send, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
