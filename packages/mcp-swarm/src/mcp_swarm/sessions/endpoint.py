"""The MCP endpoint for clients up to 2025-11-25 whose sessions every replica serves.

On with ``MCP_STATELESS_HTTP=false`` and ``REDIS_URL=redis://…``. A session is a record in Redis:
each request brings it to life for as long as it takes, so it does not matter where it lands.
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
    """POST, GET and DELETE of the endpoint.

    Args:
        replica: this one.
        may_read: whether the caller of the running request may read a resource.
        json_only: whether answers are JSON, which has no room for anything beside them.
        max_sessions: of the service.
        max_streams: that this replica sends at once.
        share: gives one caller's share of either.
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
        """Takes the place of the SDK's sessions in a manager that runs."""
        self._replica.server = manager.app
        self._replica.lifespan_state = framework_sessions.lifespan_state(manager)
        framework_sessions.serve_sessions(manager, self)

    def run(self) -> AbstractAsyncContextManager[list["asyncio.Task[None]"]]:
        """Runs beside the server: see ``Replica.run``."""
        return self._replica.run()

    def is_served(self) -> bool:
        """Whether Redis answers, without which no session can be served."""
        return not self._replica.store.connection.is_unavailable

    def close_streams(self) -> None:
        """Ends GET streams; calls in flight go on."""
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
                logger.exception("the shared store refuses what a session needs")
            await _refuse(http_errors.store_unavailable(error, "unknown"), request, send)

    async def answer(self, asked: RequestLike, request: Request, send: Send, plain: Plain) -> bool:
        """Serves a request whose answer `plain` makes in the SDK's place.

        Returns:
            False, and nothing was done, if there is anything about the session that is not plain:
            it is refused, was negotiated for another version, or has components of its own.
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
        call = Call(self._replica, snapshot, message, request, streams=streams, plain=plain)
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
                # A client that is cut off again before an event forgets where it was (TypeScript SDK).
                primed, resumed = snapshot.is_primed, bool(after)
                # The official client gives a stream up that was cut twice, however long it was well
                # between, and forgets a cut when it ends in order: so the next after a cut does.
                brief = primed and followed.was_cut
                await reader.send(
                    request.receive, send, primed=primed, resumed=resumed, brief=brief
                )
        finally:
            await self._replica.remove_reader(reader)

    async def _follow(self, reader: StreamReader, after: str) -> Followed:
        """Takes the stream.

        Raises:
            HttpError: 409 if it is being read, 400 if it is not kept (any more).
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
                "The stream of this Last-Event-ID is not kept any more. Send the request again.",
            )
        return found

    async def _snapshot(self, request: Request) -> SessionSnapshot:
        """The session that the request names, which lives on by it.

        Raises:
            HttpError: 400 if it names none, 404 if there is none that belongs to this caller, 503 if
                Redis is unavailable.
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
        """The session, if it is that caller's; it lives on."""
        if not _SESSION_ID.fullmatch(session):  # others than ours are not looked up
            return None
        rules = framework_sessions.rules_name(session)
        kept = await self._replica.store.take_up(session, owner, rules)
        if kept is None:
            return None
        level: Any = kept.level
        return SessionSnapshot(session, owner, kept.params, kept.version, level, kept.has_rules)


async def _refuse(refused: HttpError, request: Request, send: Send) -> None:
    """Sends the error; who resumes a stream is asked to come again, if the service lacks something.

    After two errors the official client gives up the answer of its call.
    """
    event_id = request.headers.get(LAST_EVENT_ID) if request.method == "GET" else None
    if event_id and refused.status is HTTPStatus.SERVICE_UNAVAILABLE:
        await sse.ask_again(send, event_id, refused.retry_after)
    else:
        await refused.response()(request.scope, request.receive, send)


def _resumed(request: Request) -> tuple[str, str]:
    """The stream that is asked for, and the position after which; the session's own, from "".

    Raises:
        HttpError: 400 if Last-Event-ID is none of ours.
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
