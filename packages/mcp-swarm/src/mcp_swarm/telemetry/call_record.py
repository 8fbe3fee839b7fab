"""The record of one call: who called what, and how it ended.

The HTTP status does not say how a call ended: a failed tool is HTTP 200. Each layer that learns
something fills it in; the access log reads it at the end. It holds no arguments, no results and no
token.
"""

from dataclasses import dataclass
from typing import Any, Final

from fastmcp import FastMCP
from fastmcp.server.middleware import MiddlewareContext
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from starlette.types import Scope

from mcp_swarm.errors import CALL_TIMED_OUT, TOO_BUSY
from mcp_swarm.framework.catalogue import ComponentNames
from mcp_swarm.framework.request import NAMED, error_of

OK: Final = "ok"
TOOL_ERROR: Final = "tool_error"  # the tool's own, which its caller's model reads
ERROR: Final = "error"  # of JSON-RPC, with its code, or of HTTP
CANCELLED: Final = "cancelled"
TIMEOUT: Final = "timeout"
REJECTED: Final = "rejected"  # nothing was carried out
DISCONNECTED: Final = "disconnected"  # the client left; in a session the call goes on

_BY_CODE = {CALL_TIMED_OUT: TIMEOUT, TOO_BUSY: REJECTED}
# Key of an HTTP request's scope.
_KEY = "mcp_swarm.call_record"


@dataclass(slots=True)
class CallRecord:
    """What is known about a call.

    Attributes:
        method: of JSON-RPC; "-" as long as it is unknown.
        name: of the tool or prompt, or the resource's URI, as the caller sent it.
        component: the same, but one of a bounded set: an unknown name is "unknown", and a URI that
            a template matches is the template.
        outcome: one of this module's constants; empty as long as it is unknown.
        error_code: of JSON-RPC.
        client, tenant: of the caller's token.
        status: of HTTP; 0 if the response has not begun.
        duration: seconds.
        request_bytes, response_bytes: sizes of the bodies.
        trace_id: in hexadecimal.
    """

    replica: str
    method: str = "-"
    name: str = "-"
    component: str = "-"
    outcome: str = ""
    error_code: int | None = None
    client: str | None = None
    tenant: str | None = None
    status: int = 0
    duration: float = 0.0
    request_bytes: int = 0
    response_bytes: int = 0
    trace_id: str | None = None

    def asks_for(self, method: str, params: Any, names: ComponentNames) -> None:
        """Notes what is called."""
        self.method = method
        if (named_by := NAMED.get(method)) and params:
            self.name = str(params.get(named_by, "-"))
            self.component = names.of(method, self.name)

    def returned(self, result: Any) -> None:
        """Notes a result as it goes on the wire; a timeout of a tool has been noted before."""
        if not self.outcome:
            failed = type(result) is dict and result.get("isError")
            self.outcome = TOOL_ERROR if failed else OK

    def raised(self, error: BaseException, version: str) -> None:
        """Notes the error that the caller of protocol `version` gets."""
        if self.outcome:
            return
        if isinstance(error, Exception):
            self.error_code = error_of(error, version).code
            self.outcome = _BY_CODE.get(self.error_code, ERROR)
        else:
            self.outcome = CANCELLED

    def answered(self, *, complete: bool) -> None:
        """Notes the end of the response; its status tells the outcome where nothing else did."""
        if self.outcome:
            return
        if not complete:
            self.outcome = DISCONNECTED
        elif self.status >= 500 and self.status != 503:
            self.outcome = ERROR
        else:
            self.outcome = REJECTED if self.status >= 400 else OK


def begin(scope: Scope, replica: str) -> CallRecord:
    """Returns the new record of a request."""
    made: CallRecord = scope.setdefault(_KEY, CallRecord(replica))
    return made


def of(scope: Scope) -> CallRecord:
    """Returns the record of a request; one that nobody reads if there is no access log."""
    return scope.get(_KEY) or begin(scope, "-")


def of_message(context: MiddlewareContext[Any]) -> CallRecord | None:
    """Returns the record of the request that brought a message; None if it was no HTTP request."""
    ctx = context.fastmcp_context
    request = ctx.request_context.request if ctx and ctx.request_context else None
    return of(request.scope) if request else None


class RecordCalls:
    """SDK middleware, outside all other: it sees what the client sent, and what it gets."""

    def __init__(self, mcp: FastMCP) -> None:
        self._names = ComponentNames(mcp)

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        if ctx.request is None or ctx.request_id is None:  # no HTTP request, or a notification
            return await call_next(ctx)
        record = of(ctx.request.scope)
        record.asks_for(ctx.method, ctx.params, self._names)
        try:
            result = await call_next(ctx)
        except BaseException as error:
            record.raised(error, ctx.protocol_version)
            raise
        record.returned(result)
        return result
