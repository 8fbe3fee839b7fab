"""Asks in a session (2025-11-25 and older): sends a request to the client while the call waits.

The request goes over the stream of the call's response. If the response is plain JSON, because of
``MCP_JSON_RESPONSE`` or the client's ``Accept``, it goes over the session's GET stream, once the
client has answered a ping there. That holds for ``ctx.elicit()`` and ``ctx.session`` too.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

import mcp_types as types
from fastmcp import Context
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp.shared.message import ServerMessageMetadata
from pydantic import ValidationError

from mcp_swarm import framework
from mcp_swarm.ask.answers import Declined, NotAnswered
from mcp_swarm.ask.question import Question, problems

# The client opens its GET stream a moment after the handshake. Messages before that are lost.
PINGS = (0.5, 1.0, 2.0)  # seconds to wait for each

# 2025-11-25, client/sampling, "Error Handling": the user rejected the request.
REJECTED = -1

NO_SESSION = (
    "This server keeps no sessions, so it cannot ask a client of protocol 2025-11-25 or older. Next: "
    "set MCP_STATELESS_HTTP=false and, for more than one replica, REDIS_URL=redis://…; or use a "
    "client of protocol 2026-07-28, which can be asked in every mode."
)
NO_STREAM = (
    "The response is plain JSON and the client has no GET stream open, so there is no way to ask "
    "it. Next: set MCP_JSON_RESPONSE=auto and let the client send Accept: "
    "application/json, text/event-stream; or let it open its GET stream."
)

NO_REQUESTS = (
    "This asks with ctx.elicit() or ctx.session, which reach only clients of protocol 2025-11-25 or "
    "older. Next: ask with mcp_swarm.ask, which works with every client (docs/asking.md), or call it "
    "from such a client."
)

Send = Callable[..., Awaitable[Any]]


async def answered(ctx: Context, question: Question) -> Any:
    """Returns the client's result, or Declined if the user rejected the sampling.

    Raises:
        NotAnswered: the client cannot be reached, lacks the capability, answers with an error, or
            does not answer in time.
    """
    session = ctx.session
    if session.client_capabilities is not None:  # without a session nobody knows them
        question.need(session.client_capabilities)
    try:
        return await session.send_request(question.request, question.answer)
    except ValidationError as error:
        raise NotAnswered(
            f"The answer to {question.key!r} is not a valid {question.answer.__name__}: "
            f"{problems(error)}."
        ) from error
    except MCPError as error:
        if error.code == REJECTED:
            return Declined("decline")
        raise NotAnswered(
            f"The client answered {question.key!r} with an error: {error.message} ({error.code})."
        ) from error


def with_timeout(
    send: Send,
    ctx: Context,
    seconds: float,
    waiting: Callable[[], AbstractContextManager[None]],
    opened: Callable[[], AbstractContextManager[None]],
) -> Send:
    """Wraps a session's ``send_request``: it chooses an open stream, and has its own timeout.

    Args:
        send: the ``send_request`` to wrap.
        ctx: of the call.
        seconds: timeout of an answer, unless the request has its own.
        waiting: a context that pauses the call's timeout.
        opened: a context that counts an open question; raises NotAnswered if there are too many.
    """

    async def send_request(
        request: Any,
        result_type: Any,  # the SDK also passes it by this name
        request_read_timeout_seconds: float | None = None,
        metadata: ServerMessageMetadata | None = None,  # noqa: ARG001 - chosen here instead
        progress_callback: Any = None,
    ) -> Any:
        limit = request_read_timeout_seconds
        with opened(), waiting():
            way = await _way(ctx, send)
            try:
                return await send(request, result_type, limit or seconds, way, progress_callback)
            except MCPError as error:
                if limit or error.code != types.REQUEST_TIMEOUT:
                    raise
                raise NotAnswered(
                    f"Nobody answered within {seconds:g} s (MCP_ASK_TIMEOUT). "
                    "Next: call again, or have the operator raise the limit."
                ) from error

    return send_request


def unreachable(send: Send) -> Send:  # noqa: ARG001 - it replaces `send`
    """Replaces ``send_request`` for a client of 2026-07-28, which accepts no requests: an error."""

    async def send_request(*_: Any, **__: Any) -> Any:
        raise NotAnswered(NO_REQUESTS)

    return send_request


async def _way(ctx: Context, send: Send) -> ServerMessageMetadata | None:
    """Chooses the call's own stream; else the GET stream, if the client answers a ping there."""
    http = ctx.request_context.request if ctx.request_context else None
    json_only = http is not None and http.scope.get(framework.JSON_ONLY, False)
    if ctx.session.can_send_request and not json_only:
        return ServerMessageMetadata(related_request_id=ctx.request_id)
    for seconds in PINGS:
        try:
            await send(types.PingRequest(), types.EmptyResult, seconds)
            return None
        except NoBackChannelError as error:
            raise NotAnswered(NO_SESSION) from error
        except MCPError as error:
            if error.code != types.REQUEST_TIMEOUT:
                break
    raise NotAnswered(NO_STREAM)
