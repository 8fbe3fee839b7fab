"""The MCP endpoint for shared sessions of protocol 2025-11-25 and older.

It serves with ``MCP_STATELESS_HTTP=false`` and ``REDIS_URL=redis://…``. A session is a record in
Redis: each request loads it for as long as it takes, so any replica can serve any request.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Any

from mcp.server.streamable_http import check_accept_headers
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import JSONRPCRequest
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from mcp_swarm import identity
from mcp_swarm.framework import sessions as framework_sessions
from mcp_swarm.framework.request import RequestLike
from mcp_swarm.redis.sessions import Followed, Held
from mcp_swarm.sessions import http_errors, sse
from mcp_swarm.sessions.call import Call, Plain
from mcp_swarm.sessions.http_errors import HttpError
from mcp_swarm.sessions.post import Post
from mcp_swarm.sessions.replica import Replica
from mcp_swarm.sessions.session import SessionSnapshot
from mcp_swarm.sessions.stream_reader import GET, StreamReader
from mcp_swarm.sessions.subscriptions import MayRead

logger = logging.getLogger(__name__)

SESSION_ID, LAST_EVENT_ID = "mcp-session-id", "last-event-id"
_SESSION_ID = re.compile(r"[0-9a-f]{32}")  # as we make them
_EVENT_ID = re.compile(r"([0-9a-z]{1,64})\.(\d{1,20}-\d{1,20})")


class Endpoint:
    """Serves POST, GET and DELETE of the endpoint.

    Args:
        replica: this one.
        may_read: returns whether the caller of the current request may read a resource.
        json_only: whether responses are plain JSON, without notifications or requests.
        max_sessions: of the service.
        max_streams: that this replica sends at a time.
        share: returns one caller's share of a maximum.
    """

    def __init__(
        self,
        replica: Replica,
        may_read: MayRead,
        *,
        json_only: bool,
        max_sessions: int,
        max_streams: int,
        share: Callable[[int], int],
    ) -> None:
        self._replica = replica
        self._may_read = may_read
        self._max_streams = max_streams
        self._stream_share = share(max_streams)
        self._post = Post(
            replica, json_only=json_only, max_sessions=max_sessions, share=share(max_sessions)
        )

    def serve_in(self, manager: StreamableHTTPSessionManager) -> None:
        """Replaces the in-process sessions of the SDK in a running manager."""
        self._replica.serve(manager.app, framework_sessions.lifespan_state(manager))
        framework_sessions.serve_sessions(manager, self)

    def run(self) -> AbstractAsyncContextManager[list["asyncio.Task[None]"]]:
        """Runs the background tasks: see ``Replica.run``."""
        return self._replica.run()

    def is_served(self) -> bool:
        """Whether Redis is available: without it no session can be served."""
        return self._replica.store.connection.availability.is_available

    def gauges(self) -> dict[str, float]:
        """Returns what this replica does for sessions."""
        return self._replica.gauges()

    def close_streams(self) -> None:
        """Ends GET streams. Calls in flight go on."""
        self._replica.close_streams()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def note_start(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        request = Request(scope, receive)
        try:
            await self._serve(request, note_start)
        except HttpError as refused:
            await _refuse(refused, request, send)
        except (RedisError, OSError) as error:
            if started:
                raise
            if isinstance(error, ResponseError) and not isinstance(error, OutOfMemoryError):
                logger.exception("the shared store rejects a command that sessions need")
            await _refuse(http_errors.store_unavailable(error, "unknown"), request, send)

    async def answer(self, asked: RequestLike, request: Request, send: Send, plain: Plain) -> bool:
        """Serves a request; `plain` makes its response in place of the SDK.

        Returns:
            False, without any effect, if the fast path cannot serve the session: it is unknown, was
            negotiated for another version, or has visibility rules of its own.
        """
        try:
            snapshot = await self._found(
                request.headers[SESSION_ID], identity.of(request.scope).principal
            )
        except (RedisError, OSError):
            return False
        if snapshot is None or snapshot.has_rules or snapshot.version != asked.version:
            return False
        params = {} if asked.params is None else {"params": asked.params}
        message = JSONRPCRequest(jsonrpc="2.0", id=asked.id, method=asked.method, **params)
        streams = self._post.streams
        call = Call(
            self._replica.services, snapshot, message, request, streams=streams, plain=plain
        )
        await self._post.answer(call, send)
        return True

    async def _serve(self, request: Request, send: Send) -> None:
        if request.method == "POST":
            await self._serve_post(request, send)
        elif request.method == "GET":
            await self._serve_get(request, send)
        elif request.method == "DELETE":
            snapshot = await self._snapshot(request)
            await self._replica.store.close(snapshot.id)
            headers = {SESSION_ID: snapshot.id}
            await Response(status_code=HTTPStatus.OK, headers=headers)(
                request.scope, request.receive, send
            )
        else:
            allowed = {"Allow": "GET, POST, DELETE"}
            raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, "Method Not Allowed", headers=allowed)

    async def _serve_post(self, request: Request, send: Send) -> None:
        message = await self._post.read(request)
        if SESSION_ID in request.headers:
            snapshot = await self._snapshot(request)
            await self._post.serve(snapshot, message, request, send)
        else:
            await self._post.open(message, identity.of(request.scope).principal, request, send)

    async def _serve_get(self, request: Request, send: Send) -> None:
        _, takes_streams = check_accept_headers(request)
        if not takes_streams:
            raise http_errors.not_acceptable("text/event-stream")
        name, after = _resumed(request)
        snapshot = await self._snapshot(request)
        if self._replica.streams >= self._max_streams:
            raise http_errors.too_many("streams", self._max_streams, "MCP_STREAM_LIMIT")
        if snapshot.owner and self._replica.streams_of(snapshot.owner) >= self._stream_share:
            raise http_errors.over_share("streams", self._stream_share, "MCP_STREAM_LIMIT")
        reader = StreamReader(
            self._replica.store,
            self._replica.id,
            snapshot.id,
            snapshot.owner,
            name,
            lambda taken_over: self._replica.run_taken_over(snapshot, name, taken_over, request),
            self._may_read,
        )
        self._replica.add_reader(reader)
        try:
            with sse.ended_with_token(request.scope, reader.end):
                followed = await self._follow(reader, after)
                # The TypeScript SDK forgets its position if it is cut off again before an event.
                primed, resumed = snapshot.is_primed, bool(after)
                # The official client gives up a stream after the second cut, unless a stream ended
                # in order between them. So the first stream after a cut ends in order, soon.
                brief = primed and followed.was_cut
                await reader.send(
                    request.receive, send, primed=primed, resumed=resumed, brief=brief
                )
        finally:
            await self._replica.remove_reader(reader)

    async def _follow(self, reader: StreamReader, after: str) -> Followed:
        """Takes the stream for this reader.

        Raises:
            HttpError: 409 if another reader has it, 400 if it does not exist (any more).
        """
        found = await reader.follow(after)
        if isinstance(found, Held):
            raise HttpError(
                HTTPStatus.CONFLICT,
                "Conflict: Only one SSE stream is allowed per session. "
                "Resume it with Last-Event-ID, or close it first.",
            )
        if found is None:
            raise HttpError(
                HTTPStatus.BAD_REQUEST,
                "The stream of this Last-Event-ID has expired. Send the request again.",
            )
        return found

    async def _snapshot(self, request: Request) -> SessionSnapshot:
        """Returns the session that the request names, and extends its lifetime.

        Raises:
            HttpError: 400 if it names none, 404 if the caller has no such session, 503 if Redis is
                unavailable.
        """
        session = request.headers.get(SESSION_ID)
        if not session:
            raise http_errors.names_no_session()
        try:
            snapshot = await self._found(session, identity.of(request.scope).principal)
        except ResponseError:
            raise
        except (RedisError, OSError) as error:  # nothing of the request has run yet
            raise http_errors.store_unavailable(error, "no") from None
        if snapshot is None:
            raise http_errors.no_session()
        return snapshot

    async def _found(self, session: str, owner: str) -> SessionSnapshot | None:
        """Returns the session, if it belongs to `owner`, and extends its lifetime."""
        if not _SESSION_ID.fullmatch(session):  # not one of ours: no look-up
            return None
        rules = framework_sessions.rules_name(session)
        kept = await self._replica.store.take_up(session, owner, rules)
        if kept is None:
            return None
        level: Any = kept.level
        return SessionSnapshot(session, owner, kept.params, kept.version, level, kept.has_rules)


async def _refuse(refused: HttpError, request: Request, send: Send) -> None:
    """Sends an error, or asks a client that resumes a stream to reconnect while a part is unavailable.

    After two errors the official client gives up the response to its call.
    """
    event_id = request.headers.get(LAST_EVENT_ID) if request.method == "GET" else None
    if event_id and refused.status is HTTPStatus.SERVICE_UNAVAILABLE:
        await sse.ask_again(send, event_id, refused.retry_after)
    else:
        await refused.response()(request.scope, request.receive, send)


def _resumed(request: Request) -> tuple[str, str]:
    """Returns the requested stream and the position to continue after: by default the GET stream, "".

    Raises:
        HttpError: 400 if Last-Event-ID is not one of ours.
    """
    event_id = request.headers.get(LAST_EVENT_ID)
    if not event_id:
        return GET, ""
    match = _EVENT_ID.fullmatch(event_id)
    if match is None:
        raise HttpError(
            HTTPStatus.BAD_REQUEST,
            "Last-Event-ID is not the id of an event of this server. Send the last `id:` received.",
        )
    return match[1], match[2]
