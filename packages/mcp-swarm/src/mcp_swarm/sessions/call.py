"""A call of a session: it runs on this replica, and its client can connect to any.

Its messages go to the response at once, and are stored in Redis in the background. This replica
numbers them, so nothing waits for Redis. A replica that takes the call over numbers its messages from
the next attempt on, so a client never gets a message twice, even one that was not stored.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cached_property
from secrets import token_hex

import anyio
from mcp.server.connection import Connection
from mcp.server.runner import modern_error_data, serve_one
from mcp.shared.dispatcher import coerce_request_id
from mcp.shared.message import ServerMessageMetadata
from mcp_types import (
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)
from redis.exceptions import OutOfMemoryError, RedisError
from starlette.requests import Request

from mcp_swarm.isolation import contained, is_cancelled
from mcp_swarm.redis import unavailable
from mcp_swarm.redis.sessions import MAX_EVENTS
from mcp_swarm.sessions.channel import CallChannel, kept, wire
from mcp_swarm.sessions.http_errors import CLOSED
from mcp_swarm.sessions.response_queue import ResponseQueue, Said
from mcp_swarm.sessions.services import SessionServices
from mcp_swarm.sessions.session import SERVING, SessionSnapshot

logger = logging.getLogger(__name__)

# Makes the response of a call in place of the SDK: the message as JSON.
Plain = Callable[["Call"], Awaitable[str]]
# Seconds between the writes of a silent call that extend the lifetime of the session and the call.
KEEP_EVERY = 60.0
# Used share of Redis' memory above which new calls cannot be resumed: the rest is for sessions and
# jobs, which depend on it.
FOR_ANSWERS = 0.75


class Call:
    """A request that this replica runs.

    Args:
        services: of this replica.
        snapshot: of the session.
        message: the request.
        http: the request that started it, or that resumes it.
        streams: whether it can send messages before the response; with plain JSON it cannot.
        plain: makes the response, if not the SDK.
        name: of the stream of a call that another replica started.
        attempt: the number of this attempt, from 1.
    """

    def __init__(
        self,
        services: SessionServices,
        snapshot: SessionSnapshot,
        message: JSONRPCRequest,
        http: Request,
        *,
        streams: bool,
        plain: Plain | None = None,
        name: str | None = None,
        attempt: int = 1,
    ) -> None:
        self.snapshot = snapshot
        self.message = message
        self.responses = ResponseQueue()
        self._http = http
        self._streams = streams
        self._plain = plain
        self._services = services
        self._scope = anyio.CancelScope()
        self._attempt, self._given_name = attempt, name
        self._said, self._done = 0, False
        # Messages that are not stored yet; None if the client cannot resume.
        self._unkept: deque[Said] | None = deque(maxlen=MAX_EVENTS)
        self._more = asyncio.Event()
        self._lost = self._is_answered = False  # the latter if it is cancelled

    @cached_property
    def name(self) -> str:
        """The name of its stream, which a call that ends soon never needs."""
        return self._given_name or token_hex(8)

    @cached_property
    def channel(self) -> CallChannel:
        """The channel to its client, which most calls never need."""
        return CallChannel(
            self.snapshot.id,
            self.message.id,
            self.message.params,
            self._metadata(self._http, closable=self._streams and self.snapshot.is_primed),
            self._say if self._streams and not self._done else None,
            self._services.client_requests,
        )

    def connection(self) -> Connection:
        """Returns the SDK's view of the client."""
        return self.snapshot.connection(self._services.channel(self.snapshot.id))

    def event_id(self, position: str) -> str:
        """Returns the id with which a client resumes this call's stream after `position`."""
        return f"{self.name}.{position}"

    def is_request(self, request_id: RequestId) -> bool:
        """Returns whether it runs that request."""
        return coerce_request_id(self.message.id) == coerce_request_id(request_id)

    def cancel(self, *, answered: bool = False) -> None:
        """Cancels the call. If the client requested that, it SHOULD get no response (2025-11-25)."""
        self._is_answered = answered
        self.channel.cancel_requested.set()
        self._scope.cancel()

    async def run(self) -> None:
        """Runs the call to its end. Run it in a task of its own, which outlives the request."""
        SERVING.set(self.snapshot)
        level = self.snapshot.level
        answer = None
        with self._scope:
            answer = await self._answer()
            if self.snapshot.level != level:
                answer = await self._keep_level(answer)
        if answer is not None:
            self._answer_with(answer)
        elif self._is_answered or self._lost:
            self.answer_with(CLOSED)
        else:
            await self._end_unanswered()

    def answer_with(self, error: ErrorData) -> None:
        """Sends an error as the last message."""
        self._answer_with(self._error(error))

    async def open(self) -> bool:
        """Makes the call resumable on any replica; False while Redis is unavailable or too full."""
        if self._services.store.fullness > FOR_ANSWERS:
            self._unkept = None
            return False
        message, repeat = kept(self.message, self._services.may_repeat(self.message))
        try:
            await self._services.store.begin(
                self.snapshot.id, self.name, self._services.replica, message, int(repeat)
            )
        except (RedisError, OSError) as error:
            logger.warning("a call cannot be resumed, the shared store fails: %s", error)
            self._unkept = None
            return False
        if not self.responses.ended:
            self.keep()
            return True
        await self._forget_call()  # cancelled meanwhile
        return False

    def keep(self) -> None:
        """Starts to store the messages in the background."""
        self._services.spawn(self._keep())

    async def _end_unanswered(self) -> None:
        """Ends the response without a result, and deletes what was stored of the call."""
        self.channel.close()
        self._done, self._unkept = True, None
        self._more.set()
        self.responses.end()
        await self._forget_call()

    def _answer_with(self, data: str) -> None:
        if "channel" in self.__dict__:
            self.channel.close()
        if not self._lost:
            self._put(data, final=True)

    def _error(self, error: ErrorData) -> str:
        return wire(JSONRPCError(jsonrpc="2.0", id=self.message.id, error=error))

    async def _answer(self) -> str:
        try:
            return await (self._plain or Call._by_the_sdk)(self)
        except BaseException as error:  # the boundary: each becomes an error without secrets
            if is_cancelled(error):
                raise
            return self._error(modern_error_data(contained(error, self.message.method)))

    async def _by_the_sdk(self) -> str:
        result = await serve_one(
            self._services.server,
            self.channel,
            self.message.method,
            self.message.params,
            connection=self.connection(),
            lifespan_state=self._services.lifespan_state,
        )
        return wire(JSONRPCResponse(jsonrpc="2.0", id=self.message.id, result=result))

    async def _keep_level(self, answer: str) -> str:
        try:
            await self._services.store.set_level(self.snapshot.id, str(self.snapshot.level))
        except (RedisError, OSError):
            return self._error(unavailable("Setting the log level").error)
        return answer

    async def _say(self, message: JSONRPCMessage) -> None:
        self._put(wire(message), asks=isinstance(message, JSONRPCRequest))
        await asyncio.sleep(0)  # so that the messages of a chatty tool are sent

    def _put(self, data: str, *, final: bool = False, asks: bool = False) -> None:
        self._said += 1
        said = Said(self._attempt, self._said, data, final, asks)
        self._done = final
        self.responses.put(said)
        if self._unkept is not None:
            self._unkept.append(said)
            self._more.set()

    async def _keep(self) -> None:
        """Stores all messages until the response, also across outages of Redis."""
        while self._unkept is not None:
            self._more.clear()
            batch, done = list(self._unkept), self._done
            try:
                if not await self._save(batch, done):
                    if not self.responses.ended:
                        self._lose()
                    return
            except OutOfMemoryError:
                await self._drop()
                return
            except (RedisError, OSError):
                await self._services.until_back()
                continue
            self._forget(batch)
            if done and not self._unkept:
                return
            if not self._unkept:
                await self._wait_for_more()

    async def _drop(self) -> None:
        """Stops storing messages: Redis is full. Only the connected client gets the result."""
        logger.warning("a call cannot be resumed any more: the shared store is full")
        self._unkept = None
        await self._forget_call()

    async def _forget_call(self) -> None:
        """Deletes the stored call. If Redis is unavailable it expires later."""
        with suppress(RedisError, OSError):
            await self._services.store.drop(self.snapshot.id, self.name)

    def _forget(self, kept: list[Said]) -> None:
        """Removes the stored messages from the queue, which may have dropped the oldest meanwhile."""
        while self._unkept and kept and self._unkept[0].number <= kept[-1].number:
            self._unkept.popleft()

    async def _save(self, batch: list[Said], done: bool) -> bool:
        store, session = self._services.store, self.snapshot.id
        if not batch:  # a silent call: neither it nor its session may expire
            await store.touch(session)
        events = [(said.position, said.data) for said in batch]
        return await store.save(session, self.name, self._services.replica, events, done)

    async def _wait_for_more(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(KEEP_EVERY, self._services.ttl / 3)):
                await self._more.wait()

    def _lose(self) -> None:
        """Stops the call: another replica considered this one dead, and has taken it over."""
        logger.warning("another replica has taken over a call of session %s", self.snapshot.id[:8])
        self._lost = True
        self._unkept = None
        self._scope.cancel()
        self.responses.close()

    def _metadata(self, http: Request, *, closable: bool) -> ServerMessageMetadata:
        """Returns what the SDK passes to a tool: the request, and how to end streams (SEP-1699)."""

        async def close() -> None:
            self.responses.close()

        async def close_standalone() -> None:
            await self._services.end_get_stream(self.snapshot.id)

        return ServerMessageMetadata(
            request_context=http,
            close_sse_stream=close if closable else None,
            close_standalone_sse_stream=close_standalone if closable else None,
            can_send_request=closable,
        )
