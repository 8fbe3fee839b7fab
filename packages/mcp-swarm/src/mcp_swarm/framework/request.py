"""A request in FastMCP's terms, for code that answers in place of its HTTP layers.

``RequestContext`` replaces what those layers create around a handler, ``serving`` sets the same
context variables, and ``handled`` runs FastMCP's own handler.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any, Protocol

import mcp_types as types
from fastmcp import FastMCP
from fastmcp.server.context import _current_transport
from fastmcp.server.dependencies import FastMCPRequestContext, fastmcp_request_ctx
from fastmcp.server.http import _current_http_request
from fastmcp.server.low_level import FastMCPServerMiddleware
from mcp.server._streamable_http_modern import _SingleExchangeDispatchContext
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.request_state import RequestStateBoundary
from mcp.server.runner import ServerRunner, _extract_meta, aclose_shielded, modern_error_data
from mcp.server.session import ServerSession
from mcp.shared.dispatcher import DispatchContext
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS
from mcp.shared.jsonrpc_dispatcher import progress_token_from_params
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.requests import Request

from mcp_swarm.framework.messages import error_data
from mcp_swarm.framework.wire import encode

# Method → the parameter that names a component.
NAMED = {"tools/call": "name", "resources/read": "uri", "prompts/get": "name"}

# The SDK's logger for requests of 2025-11-25 and older.
_dispatcher_log = logging.getLogger("mcp.shared.jsonrpc_dispatcher")


class RequestLike(Protocol):
    """A JSON-RPC request: its id, method, protocol version and params."""

    id: int | str
    method: str
    version: str
    params: dict[str, Any] | None


class RequestContext(FastMCPRequestContext):
    """FastMCP's view of a request. Expensive parts are created on first use.

    Args:
        mcp: the server that answers.
        http: the HTTP request.
        asked: the message, which has passed the framework's own validation.
    """

    request: Request
    close_sse_stream = None

    def __init__(self, mcp: FastMCP, http: Request, asked: RequestLike) -> None:
        self.mcp = mcp
        self.request = http
        self.request_id = str(asked.id)
        self.asked = asked
        self.method = asked.method
        self.protocol_version = asked.version
        self.params = params = asked.params
        meta = params.get("_meta") if params else None
        self.meta = dict(meta) if meta is not None else None
        self.lifespan_context = mcp._lifespan_result
        self._then: list[Callable[[ServerSession], None]] = []

    @cached_property
    def runner(self) -> ServerRunner[Any]:
        """The SDK's runner for this request."""
        return ServerRunner(self.mcp._mcp_server, self.connect(), self.lifespan_context)

    def connect(self) -> Connection:
        """A dispatch context that cannot send to the client."""
        meta = self.meta if self.meta and self.protocol_version in MODERN_PROTOCOL_VERSIONS else {}
        return Connection.from_envelope(
            self.protocol_version,
            meta.get(types.CLIENT_INFO_META_KEY),
            meta.get(types.CLIENT_CAPABILITIES_META_KEY),
        )

    def channel(self) -> DispatchContext[TransportContext]:
        """A connection that only takes a response, as the SDK's own HTTP layer creates it."""
        return _SingleExchangeDispatchContext(
            transport=TransportContext(
                kind="streamable-http", can_send_request=False, headers=self.request.headers
            ),
            request_id=self.asked.id,
            message_metadata=ServerMessageMetadata(request_context=self.request),
            progress_token=progress_token_from_params(self.params),
        )

    @cached_property
    def _srctx(self) -> ServerRequestContext[Any, Any]:  # type: ignore[override]
        """The SDK's context."""
        made = self.runner._make_context(
            self.channel(),
            self.method,
            self.params,
            _extract_meta(self.params),
            self.protocol_version,
        )
        for then in self._then:
            then(made.session)
        return made

    @cached_property
    def session(self) -> ServerSession:  # type: ignore[override]
        """The session through which a tool sends to the client."""
        return self._srctx.session

    def once_there_is_a_session(self, then: Callable[[ServerSession], None]) -> None:
        """Calls `then` with the session when it is created, which few requests need."""
        if "_srctx" in self.__dict__:
            then(self.session)
        else:
            self._then.append(then)

    def of_nobody(self) -> "RequestContext":
        """Returns the same request without its caller, for results that are cached for all."""
        return self

    async def close(self) -> None:
        """Runs the exit callbacks of the connection, if it was created."""
        if "runner" in self.__dict__:
            await aclose_shielded(self.runner.connection)

    async def wire(self, result: Any) -> dict[str, Any]:
        """Returns the result for the client, validated and sealed by the framework."""
        shaped = self.runner._serialize(self.method, self.protocol_version, result)
        for boundary in self.mcp._mcp_server.middleware:
            if isinstance(boundary, RequestStateBoundary):
                sealed = boundary._seal_result(self._srctx, shaped, None)
                return dict(sealed) if isinstance(sealed, Mapping) else shaped
        return shaped


class SessionClient(Protocol):
    """The client of a session, for one request."""

    @property
    def channel(self) -> DispatchContext[TransportContext]:
        """The channel for messages other than the response."""

    def connection(self) -> Connection:
        """The SDK's view of it."""


class SessionRequestContext(RequestContext):
    """A request in a session, whose client can receive messages during the call."""

    def __init__(
        self, mcp: FastMCP, http: Request, asked: RequestLike, client: SessionClient
    ) -> None:
        super().__init__(mcp, http, asked)
        self.client = client

    @property
    def close_sse_stream(self) -> Any:  # type: ignore[override]
        """Ends the stream of this request; the client can resume it (SEP-1699)."""
        return self._srctx.close_sse_stream

    def of_nobody(self) -> RequestContext:
        """Returns the request without its session, which may have visibility rules."""
        scope = self.request.scope
        headers = [pair for pair in scope["headers"] if pair[0] != b"mcp-session-id"]
        return RequestContext(self.mcp, Request({**scope, "headers": headers}), self.asked)

    def connect(self) -> Connection:
        return self.client.connection()

    def channel(self) -> DispatchContext[TransportContext]:
        return self.client.channel


@contextmanager
def serving(context: RequestContext) -> Iterator[None]:
    """Sets the context variables that FastMCP's HTTP layers set around a request."""
    shared = context.mcp._shared_context_snapshot or {}
    user = context.request.scope.get("user")
    pairs: list[tuple[ContextVar[Any], Any]] = [
        (_current_transport, "streamable-http"),
        (_current_http_request, context.request),
        (fastmcp_request_ctx, context),
        *shared.items(),
    ]
    if user is not None:
        pairs.append((auth_context_var, user))
    tokens = [(variable, variable.set(value)) for variable, value in pairs]
    try:
        yield
    finally:
        for variable, token in reversed(tokens):
            variable.reset(token)


def is_serving(mcp: FastMCP) -> bool:
    """Returns whether the server's lifespan is running."""
    return mcp._lifespan_result_set


def is_wrapped(mcp: FastMCP, harmless: Collection[Any]) -> bool:
    """Returns whether there is SDK middleware that is neither FastMCP's nor `harmless`."""
    return any(
        not isinstance(middleware, FastMCPServerMiddleware | RequestStateBoundary)
        and middleware not in harmless
        for middleware in mcp._mcp_server.middleware
    )


async def handled(context: RequestContext) -> dict[str, Any]:
    """Returns the result of FastMCP's own handler and middleware, for the client.

    Raises:
        Exception: what the handler raises; `error_answer` turns it into a response.
    """
    entry = context.mcp._mcp_server.get_request_handler(context.method)
    if entry is None:
        raise MCPError(types.METHOD_NOT_FOUND, "Method not found", data=context.method)
    params = entry.params_type.model_validate(context.params or {}, by_name=False)
    return await context.wire(await entry.handler(context._srctx, params))


def encoded(result: dict[str, Any] | bytes) -> bytes:
    """Returns a result as JSON in UTF-8, unless it is encoded already."""
    return result if isinstance(result, bytes) else encode(result)


def error_of(error: Exception, version: str) -> types.ErrorData:
    """Returns the error that a caller of protocol `version` gets for an exception."""
    if version in MODERN_PROTOCOL_VERSIONS:
        return modern_error_data(error)
    return error_data(error) or types.ErrorData(code=0, message=str(error))


def error_answer(error: Exception, asked: RequestLike) -> tuple[int, bytes]:
    """Returns the HTTP status and body of an exception, as the protocol version requires."""
    data = error_of(error, asked.version)
    message = types.JSONRPCError(jsonrpc="2.0", id=asked.id, error=data)
    if asked.version in MODERN_PROTOCOL_VERSIONS:
        body = message.model_dump_json(by_alias=True, exclude_none=True)
        return ERROR_CODE_HTTP_STATUS.get(data.code, 200), body.encode()
    if error_data(error) is None:
        _dispatcher_log.exception("handler for %r raised", asked.method)
    return 200, message.model_dump_json(by_alias=True, exclude_unset=True).encode()
