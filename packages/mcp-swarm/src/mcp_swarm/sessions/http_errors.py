"""Why a request of a session is not served, as HTTP says it, with an error of JSON-RPC inside."""

from http import HTTPStatus
from typing import Literal

from mcp_types import INVALID_REQUEST, ErrorData, JSONRPCError
from starlette.responses import Response

from mcp_swarm.errors import CALL_LOST, STORE_UNAVAILABLE, TOO_MANY_SESSIONS

# Seconds after which a client may try again.
SOON = 1
# To a call whose session was closed, in the code of LSP's RequestCancelled.
CLOSED = ErrorData(code=-32800, message="Request cancelled")
LOST = ErrorData(
    code=CALL_LOST,
    message="The replica that ran this call was lost before it answered. Whether the call took "
    "effect is not known: look, before you call again.",
    data={"retryable": False, "outcome": "unknown"},
)


class HttpError(Exception):
    """An HTTP answer with a reason; its error has no id, as 2025-11-25 asks of transports."""

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
        """To be sent."""
        body = JSONRPCError(jsonrpc="2.0", id=None, error=self.error)
        content = body.model_dump_json(by_alias=True, exclude_none=True)
        content = content.replace('{"jsonrpc":"2.0",', '{"jsonrpc":"2.0","id":null,', 1)
        return Response(content, self.status, self.headers, "application/json")


def names_no_session() -> HttpError:
    """Only `initialize` may come without one."""
    return HttpError(
        HTTPStatus.BAD_REQUEST,
        "Bad Request: Missing session ID. Send initialize first, and with all that follows the "
        "Mcp-Session-Id of its answer.",
    )


def no_session() -> HttpError:
    """The same for one that never was, is over, or is another's: nobody learns which."""
    return HttpError(HTTPStatus.NOT_FOUND, "Session not found")


def store_unavailable(cause: BaseException, executed: Literal["no", "unknown"]) -> HttpError:
    """Redis does not answer, or is full: the session is kept there."""
    from mcp_swarm.redis import unavailable  # who has no store does not import one

    error = unavailable("Sessions", cause).error
    return HttpError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        error.message,
        STORE_UNAVAILABLE,
        {"Retry-After": str(SOON)},
        {**error.data, "executed": executed},
    )


def too_many(what: str, limit: int, setting: str) -> HttpError:
    """A limit of the operator's is reached."""
    return HttpError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"Too many {what}: {limit} are open ({setting}). Try again later.",
        TOO_MANY_SESSIONS,
        {"Retry-After": "30"},
        {"retryable": True},
    )


def over_share(what: str, share: int, setting: str) -> HttpError:
    """A caller has its share of what all callers have together."""
    return HttpError(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"Too many {what} of yours: {share} are open, which is one caller's share of {setting}. "
        "Close some of them, then try again.",
        TOO_MANY_SESSIONS,
        {"Retry-After": "30"},
        {"retryable": True},
    )


def not_acceptable(what: str) -> HttpError:
    """The client does not take what would be sent."""
    return HttpError(HTTPStatus.NOT_ACCEPTABLE, f"Not Acceptable: Client must accept {what}")
