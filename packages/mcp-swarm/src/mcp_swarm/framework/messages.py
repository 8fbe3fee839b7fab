"""Patches how the SDK treats invalid messages and cancelled requests.

A message without an id is a notification, which gets HTTP 202 and no response. The SDK treats an id
that is null or a fraction the same way, so the client waits for a response that never comes.
"""

import json
from http import HTTPStatus
from typing import Any, Self

import mcp_types as types
from mcp.server import _streamable_http_modern as modern
from mcp.server import runner, streamable_http, streamable_http_manager
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.shared import jsonrpc_dispatcher
from mcp.shared.inbound import InboundLadderRejection, InboundModernRoute, classify_inbound_request
from mcp.shared.message import SessionMessage
from mcp_types.methods import SPEC_CLIENT_METHODS
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from pydantic import TypeAdapter, ValidationError, field_validator, model_validator
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

NOT_A_MESSAGE = (
    'The body is not one JSON-RPC message. A request needs "jsonrpc": "2.0", a "method", and an '
    '"id" that is a string or an integer. Batches are not served.'
)
_LONGEST = 300  # characters of an error about parameters
_sdks_error_data = jsonrpc_dispatcher.handler_exception_to_error_data
# The comment that ends the event stream of a cancelled request, instead of a response.
UNANSWERED = "cancelled"


# FastMCP serializes the parameters of these again, which fails at a lone surrogate.
_WRITTEN_AGAIN = {"initialize", "server/discover"}


class Request(types.JSONRPCRequest):
    """A request whose id and parameters can be serialized again."""

    @field_validator("id")
    @classmethod
    def _is_unicode(cls, request_id: types.RequestId) -> types.RequestId:
        str(request_id).encode()  # ValueError for a lone surrogate
        return request_id

    @model_validator(mode="after")
    def _has_unicode(self) -> Self:
        if self.method in _WRITTEN_AGAIN:
            json.dumps(self.params, ensure_ascii=False).encode()  # ValueError, as above
        return self


class Notification(types.JSONRPCNotification):
    """A notification: it has no id, and its method is not that of a request."""

    @model_validator(mode="before")
    @classmethod
    def _is_no_request(cls, data: Any) -> Any:
        if isinstance(data, dict) and ("id" in data or _is_request(data.get("method"))):
            raise ValueError("a request needs an id that is a string or an integer")
        return data


def _is_request(method: Any) -> bool:
    if not isinstance(method, str):
        return False
    return method in SPEC_CLIENT_METHODS or method.startswith("tasks/")


MESSAGE: TypeAdapter[types.JSONRPCMessage] = TypeAdapter(
    Request | Notification | types.JSONRPCResponse | types.JSONRPCError
)


class _Unanswered(types.JSONRPCError):
    """Ends a request that its client cancelled. It is never sent."""


class Transport(StreamableHTTPServerTransport):
    """The SDK's transport for clients of 2025-11-25 and older."""

    def _check_content_type(self, request: HttpRequest) -> bool:
        """Compares the content type without case (RFC 9110 §8.3.1)."""
        kinds = request.headers.get("content-type", "").partition(";")[0].split(",")
        return any(kind.strip().lower() == "application/json" for kind in kinds)

    def _create_error_response(
        self,
        error_message: str,
        status_code: HTTPStatus,
        error_code: int = types.INVALID_REQUEST,
        headers: dict[str, str] | None = None,
    ) -> Response:
        if error_code == types.INVALID_PARAMS:  # which it has for nothing but a malformed message
            error_message, error_code = NOT_A_MESSAGE, types.INVALID_REQUEST
        return super()._create_error_response(error_message, status_code, error_code, headers)

    async def _terminate_unanswered_request(self, request_id: types.RequestId) -> None:
        """A cancelled request SHOULD NOT be answered (2025-11-25, basic/utilities/cancellation)."""
        assert self._write_stream is not None
        error = types.ErrorData(code=streamable_http.REQUEST_CANCELLED, message="")
        ended = _Unanswered(jsonrpc="2.0", id=request_id, error=error)
        await self._write_stream.send(SessionMessage(ended))

    def _create_json_response(
        self,
        response_message: types.JSONRPCMessage | None,
        status_code: HTTPStatus = HTTPStatus.OK,
        headers: dict[str, str] | None = None,
    ) -> Response:
        if isinstance(response_message, _Unanswered):
            response_message, status_code = None, HTTPStatus.ACCEPTED
        return super()._create_json_response(response_message, status_code, headers)

    def _create_event_data(self, event_message: Any) -> Any:
        if isinstance(event_message.message, _Unanswered):
            return {"comment": UNANSWERED}
        return super()._create_event_data(event_message)


def error_data(error: BaseException) -> types.ErrorData | None:
    """Like the SDK's ``handler_exception_to_error_data``, but names a wrong parameter."""
    known = _sdks_error_data(error)
    if known is not None and isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        location = ".".join(map(str, first["loc"])).removeprefix("params.")
        known.message = f"{known.message}: {location!r}: {first['msg']}"[:_LONGEST]
    return known


def judge_messages() -> None:
    """Patches the SDK to treat messages as above, for all protocol versions."""
    vars(streamable_http).update(jsonrpc_message_adapter=MESSAGE)
    for module in (jsonrpc_dispatcher, runner):
        vars(module).update(handler_exception_to_error_data=error_data)
    vars(streamable_http_manager).update(StreamableHTTPServerTransport=Transport)
    error = types.ErrorData(code=types.INVALID_REQUEST, message=NOT_A_MESSAGE)
    vars(modern).update(
        JSONRPCNotification=Notification,
        JSONRPCRequest=Request,
        classify_inbound_request=_classified,
        unsupported_protocol_version_rejection=_unsupported,
        _INVALID_BODY=types.JSONRPCError(jsonrpc="2.0", id=None, error=error),
    )


def _classified(
    body: Any, *, headers: dict[str, str]
) -> InboundModernRoute | InboundLadderRejection:
    """Checks the version first, so that a client of another version gets an error about that."""
    rejected = _unsupported(headers.get("mcp-protocol-version", ""))
    return rejected or classify_inbound_request(body, headers=headers)


def _unsupported(requested: str) -> InboundLadderRejection | None:
    if requested in MODERN_PROTOCOL_VERSIONS:
        return None
    newer = ", ".join(reversed(MODERN_PROTOCOL_VERSIONS))
    older = ", ".join(reversed(HANDSHAKE_PROTOCOL_VERSIONS))
    return InboundLadderRejection(
        code=types.UNSUPPORTED_PROTOCOL_VERSION,
        message=f"The protocol version {requested[:100]!r} is not supported. Send {newer}, or "
        f"initialize with one of {older}.",
        # As server/discover lists them: older versions are negotiated by `initialize`.
        data={"supported": list(MODERN_PROTOCOL_VERSIONS), "requested": requested},
    )
