"""The HTTP errors of sessions, each with a JSON-RPC error as its body."""

from http import HTTPStatus
from typing import Literal

from mcp_types import INVALID_REQUEST, ErrorData, JSONRPCError
from starlette.responses import Response

from mcp_swarm.errors import CALL_LOST, STORE_UNAVAILABLE, TOO_MANY_SESSIONS

# Seconds after which a client may try again.
SOON = 1
# For a call whose session was closed; the code is that of LSP's RequestCancelled.
CLOSED = ErrorData(code=-32800, message="Request cancelled")
LOST = ErrorData(
    code=CALL_LOST,
    message="The replica that ran this call was lost before it answered. It is unknown whether the "
    "call took effect: check before you call again.",
    data={"retryable": False, "outcome": "unknown"},
)


class HttpError(Exception):
    """An HTTP error response. Its JSON-RPC error has no id, as 2025-11-25 requires of transports."""

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        code: int = INVALID_REQUEST,
        headers: dict[str, str] | None = None,
        data: object = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = ErrorData(code=code, message=message, data=data)
        self.headers = headers

    @property
    def retry_after(self) -> int:
        """Seconds after which the client may try again."""
        return int((self.headers or {}).get("Retry-After", SOON))

    def response(self) -> Response:
        """Returns the response to send."""
        body = JSONRPCError(jsonrpc="2.0", id=None, error=self.error)
        content = body.model_dump_json(by_alias=True, exclude_none=True)
        content = content.replace('{"jsonrpc":"2.0",', '{"jsonrpc":"2.0","id":null,', 1)
        return Response(content, self.status, self.headers, "application/json")


def names_no_session() -> HttpError:
    """Returns the error of a request without a session id; only `initialize` may have none."""
    return HttpError(
        HTTPStatus.BAD_REQUEST,
        "Bad Request: Missing session ID. Send initialize first, then the Mcp-Session-Id of its "
        "response with every request.",
    )


def no_session() -> HttpError:
    """Returns the same error for an unknown, ended or foreign session, so that it reveals nothing."""
    return HttpError(HTTPStatus.NOT_FOUND, "Session not found")


def store_unavailable(cause: BaseException, executed: Literal["no", "unknown"]) -> HttpError:
    """Returns the error of a Redis that does not answer or is full: sessions are stored there."""
    from mcp_swarm.redis import unavailable  # not at the top: without Redis nothing imports it

    error = unavailable("Sessions", cause).error
    return HttpError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        error.message,
        STORE_UNAVAILABLE,
        {"Retry-After": str(SOON)},
        {**error.data, "executed": executed},
    )


def too_many(what: str, limit: int, setting: str) -> HttpError:
    """Returns the error of a limit that is reached."""
    return HttpError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"Too many {what}: {limit} are open ({setting}). Try again later.",
        TOO_MANY_SESSIONS,
        {"Retry-After": "30"},
        {"retryable": True},
    )


def over_share(what: str, share: int, setting: str) -> HttpError:
    """Returns the error of a caller that has reached its share of a limit."""
    return HttpError(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"You have too many {what}: {share} are open, which is one caller's share of {setting}. "
        "Close some of them, then try again.",
        TOO_MANY_SESSIONS,
        {"Retry-After": "30"},
        {"retryable": True},
    )


def not_acceptable(what: str) -> HttpError:
    """Returns the error of a client that does not accept the response's type."""
    return HttpError(HTTPStatus.NOT_ACCEPTABLE, f"Not Acceptable: Client must accept {what}")
