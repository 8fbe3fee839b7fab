"""Serves POST: opens a session, runs a request, forwards a response or a notification."""

import json
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pydantic_core
from mcp.server.connection import Connection
from mcp.server.runner import ServerRunner, modern_error_data, serve_one
from mcp.shared.dispatcher import as_request_id
from mcp.shared.message import ServerMessageMetadata
from mcp_types import (
    PARSE_ERROR,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)
from pydantic import ValidationError
from redis.exceptions import OutOfMemoryError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Send

from mcp_swarm.framework import BODY, PARSED
from mcp_swarm.framework.messages import MESSAGE, NOT_A_MESSAGE
from mcp_swarm.redis.sessions import Opened
from mcp_swarm.sessions import http_errors, sse
from mcp_swarm.sessions.call import Call
from mcp_swarm.sessions.channel import CallChannel, wire
from mcp_swarm.sessions.http_errors import HttpError
from mcp_swarm.sessions.replica import Replica
from mcp_swarm.sessions.response_queue import ResponseQueue
from mcp_swarm.sessions.session import SessionSnapshot

# Seconds within which a call that only returns a result gets a plain JSON response, without anything
# stored. Slower calls are streamed and can be resumed.
QUICK = 0.25
# Seconds for which the messages of a call that cannot be resumed are held back. Most calls end before,
# and a response that has not begun cannot be cut.
HELD = 5.0
# Characters of a client's capabilities and info that count as small, and the used share of Redis'
# memory above which larger ones are rejected, so that small sessions always find room.
SMALL, FOR_SMALL = 2048, 0.5


class Post:
    """Serves what is posted to the endpoint.

    Args:
        replica: this one.
        json_only: whether responses are plain JSON, however long they take.
        max_sessions: of the service.
        share: maximum sessions of one caller.
    """

    def __init__(self, replica: Replica, *, json_only: bool, max_sessions: int, share: int) -> None:
        self._replica = replica
        self.streams = not json_only
        self._max_sessions = max_sessions
        self._share = share

    async def read(self, request: Request) -> JSONRPCMessage:
        """Returns the message in the body.

        Raises:
            HttpError: 400 or 415.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise HttpError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"Unsupported Media Type: Content-Type must be application/json, not {kind!r}",
            )
        try:
            raw = request.scope.get(PARSED)
            if raw is None:
                raw = pydantic_core.from_json(request.scope[BODY])
            return MESSAGE.validate_python(raw, by_name=False)
        except ValidationError:
            raise HttpError(HTTPStatus.BAD_REQUEST, NOT_A_MESSAGE) from None
        except ValueError as error:
            raise HttpError(HTTPStatus.BAD_REQUEST, f"Parse error: {error}", PARSE_ERROR) from None

    async def open(self, message: JSONRPCMessage, owner: str, request: Request, send: Send) -> None:
        """Answers `initialize`. Stores the session before the client gets its id.

        Raises:
            HttpError: 400 for any other message, 503 if there are too many sessions, 429 if the
                caller has too many.
        """
        if not isinstance(message, JSONRPCRequest) or message.method != "initialize":
            raise http_errors.names_no_session()
        session = uuid4().hex
        connection = Connection.for_loop(
            self._replica.services.channel(session), session_id=session
        )
        headers = {}
        try:
            result = await self._initialize(session, connection, message, request)
            answer: JSONRPCMessage = JSONRPCResponse(jsonrpc="2.0", id=message.id, result=result)
        except Exception as error:  # the boundary: each becomes an error without secrets
            data = modern_error_data(error)
            answer = JSONRPCError(jsonrpc="2.0", id=message.id, error=data)
        if isinstance(answer, JSONRPCResponse) and connection.client_params is not None:
            params = connection.client_params.model_dump_json(by_alias=True, exclude_none=True)
            await self._keep(session, owner, params, connection.protocol_version)
            headers = {"mcp-session-id": session}
        await _json(answer, headers, request, send)

    async def _keep(self, session: str, owner: str, params: str, version: str) -> None:
        """Stores a new session.

        Raises:
            HttpError: 503 or 429: there are too many, or Redis has no room for a large one.
        """
        store = self._replica.store
        if len(params) > SMALL and store.fullness > FOR_SMALL:
            raise http_errors.store_unavailable(OutOfMemoryError(), "no")
        opened = await store.open(session, owner, params, version, self._max_sessions, self._share)
        if opened is Opened.TOO_MANY:
            raise http_errors.too_many("sessions", self._max_sessions, "MCP_SESSION_LIMIT")
        if opened is Opened.TOO_MANY_OF_OWNER:
            raise http_errors.over_share("sessions", self._share, "MCP_SESSION_LIMIT")

    async def serve(
        self, snapshot: SessionSnapshot, message: JSONRPCMessage, request: Request, send: Send
    ) -> None:
        """Serves one message of a session.

        Raises:
            HttpError: 400 for a second `initialize`.
        """
        if isinstance(message, JSONRPCRequest):
            if message.method == "initialize":
                raise HttpError(
                    HTTPStatus.BAD_REQUEST,
                    "This session is initialized. To open another, leave out Mcp-Session-Id.",
                )
            call = Call(self._replica.services, snapshot, message, request, streams=self.streams)
            await self.answer(call, send)
            return
        if isinstance(message, JSONRPCNotification):
            await self._note(snapshot, message, request)
        else:
            await self._pass_on(snapshot.id, message.id, "answer", message)
        headers = {"mcp-session-id": snapshot.id}
        accepted = Response(status_code=HTTPStatus.ACCEPTED, headers=headers)
        await accepted(request.scope, request.receive, send)

    async def _initialize(
        self, session: str, connection: Connection, message: JSONRPCRequest, request: Request
    ) -> dict[str, Any]:
        return await serve_one(
            self._replica.services.server,
            self._silent(session, message, request),
            message.method,
            message.params,
            connection=connection,
            lifespan_state=self._replica.services.lifespan_state,
        )

    async def answer(self, call: Call, send: Send) -> None:
        """Runs a call and sends its messages.

        If this replica dies, a client that has an event id resumes the stream, and the balancer turns
        a response that has not begun into an error. In any other case the call would never end. So
        a response that cannot be resumed begins late.
        """
        responses, primed = call.responses, self.streams and call.snapshot.is_primed
        self._replica.start(call)
        await (responses.wait(QUICK) if primed else self._wait_long(responses))
        is_kept = not (responses.answer or responses.ended_silent) and await call.open()
        if primed and not is_kept:
            await self._wait_long(responses)
        if responses.answer:
            await _send_json(responses.answer.data, call.snapshot.id, send)
        elif responses.ended_silent:
            await _send_nothing(call.snapshot.id, send)
        else:
            await _stream(call, send, resumable=is_kept)

    async def _wait_long(self, responses: ResponseQueue) -> None:
        """Waits for as long as the response need not begin."""
        if self.streams:
            await responses.hold(HELD)
            await responses.wait(sse.PING_EVERY - HELD)  # then proxies expect bytes
        else:
            await responses.wait()

    async def _note(
        self, snapshot: SessionSnapshot, note: JSONRPCNotification, request: Request
    ) -> None:
        params = note.params or {}
        if note.method == "notifications/cancelled":
            await self._cancel(snapshot.id, params.get("requestId"))
        elif note.method == "notifications/progress":
            await self._pass_on(snapshot.id, params.get("progressToken"), "progress", params)
        connection = snapshot.connection(self._replica.services.channel(snapshot.id))
        runner = ServerRunner(
            self._replica.services.server, connection, self._replica.services.lifespan_state
        )
        channel = self._silent(snapshot.id, note, request)
        self._replica.spawn(runner.on_notify(channel, note.method, note.params))

    async def _cancel(self, session: str, request_id: Any) -> None:
        """Cancels a call, on whichever replica it runs."""
        if (known := as_request_id(request_id)) is not None:
            self._replica.cancel(session, known)
            text = json.dumps(known)
            await self._replica.store.send_to_all(kind="cancel", session=session, message=text)

    async def _pass_on(
        self, session: str, request_id: Any, kind: str, message: JSONRPCMessage | dict[str, Any]
    ) -> None:
        """Forwards a response, or progress, to the replica that sent the request, if it is alive."""
        text = json.dumps(message) if isinstance(message, dict) else wire(message)
        replica = self._replica.services.client_requests.asked_by(request_id)
        if replica == self._replica.id:
            await self._replica.hear({"kind": kind, "session": session, "message": text})
        elif replica:
            await self._replica.store.send_to(replica, kind=kind, session=session, message=text)

    def _silent(
        self, session: str, message: JSONRPCRequest | JSONRPCNotification, request: Request
    ) -> CallChannel:
        """Returns a channel that cannot send anything."""
        request_id = message.id if isinstance(message, JSONRPCRequest) else None
        metadata = ServerMessageMetadata(request_context=request, can_send_request=False)
        return CallChannel(
            session,
            request_id,
            message.params,
            metadata,
            None,
            self._replica.services.client_requests,
        )


async def _stream(call: Call, send: Send, *, resumable: bool) -> None:
    """Streams the messages of a call. A client that disconnects can resume on any replica."""
    await sse.start(send, call.snapshot.id)
    if resumable and call.snapshot.is_primed:
        await sse.write(send, sse.priming(call.event_id("0-0")))
    if not resumable:
        call.responses.stay()
    while True:
        said = await call.responses.take(sse.PING_EVERY)
        if said:
            event_id = call.event_id(said.position) if resumable else None
            await sse.write(send, sse.event(event_id, said.data))
            if said.final:
                break
        elif call.responses.closed:
            break
        else:
            await sse.write(send, sse.PING)
    if call.responses.ended:
        await sse.write(send, sse.UNANSWERED)
    call.responses.leave()
    await sse.end(send)


async def _send_nothing(session: str, send: Send) -> None:
    """Responds to a request without a result, like to a notification: 202."""
    headers = [(b"mcp-session-id", session.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": HTTPStatus.ACCEPTED, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _send_json(data: str, session: str, send: Send) -> None:
    body = data.encode()
    headers = [
        (b"mcp-session-id", session.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"content-type", b"application/json"),
    ]
    await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _json(
    message: JSONRPCMessage, headers: dict[str, str], request: Request, send: Send
) -> None:
    answer = Response(wire(message), headers=headers, media_type="application/json")
    await answer(request.scope, request.receive, send)
