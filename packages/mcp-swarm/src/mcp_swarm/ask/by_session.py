"""Asking in a session (up to 2025-11-25): a request to the client while the call waits.

It rides on the stream of the call's own answer. Where that is JSON only, by ``MCP_JSON_RESPONSE``
or by the client's ``Accept``, it goes over the session's GET stream, once a ping has shown that the client hears it. All requests of a call go
this way, those of ``ctx.elicit()`` and ``ctx.session`` too.
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

# The client opens its GET stream a moment after the handshake: what was sent before is lost.
PINGS = (0.5, 1.0, 2.0)  # seconds to wait for each

# 2025-11-25, client/sampling, "Error Handling": the person rejected the request.
REJECTED = -1

NO_SESSION = (
    "This server keeps no sessions, so a client up to 2025-11-25 cannot be asked anything. Next: "
    "set MCP_STATELESS_HTTP=false and, for more than one replica, REDIS_URL=redis://…; or use a "
    "client of 2026-07-28, which can be asked in every mode."
)
NO_STREAM = (
    "The call is answered in JSON only and the client has no GET stream open, so there is no way "
    "to ask it. Next: set MCP_JSON_RESPONSE=auto and have the client send Accept: "
    "application/json, text/event-stream; or have it open its GET stream."
)

NO_REQUESTS = (
    "This asks by ctx.elicit() or ctx.session, which can reach only clients up to 2025-11-25. Next: "
    "have its author ask by mcp_swarm.ask, which serves both (docs/asking.md), or call it from "
    "such a client."
)

Send = Callable[..., Awaitable[Any]]


async def answered(ctx: Context, question: Question) -> Any:
    """The client's result, or Declined if the user declined to have a model asked.

    Raises:
        NotAnswered: there is no way to the client, it lacks the capability or answers with an
            error, or nobody answered in time.
    """
    session = ctx.session
    if session.client_capabilities is not None:  # without a session nobody knows them
        question.need(session.client_capabilities)
    try:
        return await session.send_request(question.request, question.answer)
    except ValidationError as error:
        raise NotAnswered(
            f"The answer to {question.key!r} is no {question.answer.__name__}: {problems(error)}."
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
    """`send`, a session's ``send_request``, by the way that is open, in a time of its own.

    Args:
        send: what it stands in for.
        ctx: of the call.
        seconds: that an answer may take, unless the request names a time itself.
        waiting: a context in which the call's own time does not count.
        opened: a context in which one more question is open; raises NotAnswered at too many.
    """

    async def send_request(
        request: Any,
        result_type: Any,  # the SDK passes it by this name too
        request_read_timeout_seconds: float | None = None,
        metadata: ServerMessageMetadata | None = None,  # noqa: ARG001 - the way is chosen here
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


def unreachable(send: Send) -> Send:  # noqa: ARG001 - what it stands in for
    """`send`, where a client of 2026-07-28 takes no requests: the error says what to do."""

    async def send_request(*_: Any, **__: Any) -> Any:
        raise NotAnswered(NO_REQUESTS)

    return send_request


async def _way(ctx: Context, send: Send) -> ServerMessageMetadata | None:
    """The call's own stream; else the GET stream, if the client answers a ping over it."""
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
