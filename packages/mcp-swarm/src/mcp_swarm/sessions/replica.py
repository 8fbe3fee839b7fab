"""The work of this replica for sessions: running calls, open streams, pending client requests.

It keeps no session: what it has of one ends with that work.
"""

import asyncio
import json
import logging
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

from mcp.server.lowlevel.server import Server
from mcp_types import JSONRPCRequest, RequestId
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import Request

from mcp_swarm.redis.sessions import HEARTBEAT_EVERY, SessionStore, TakenOverCall
from mcp_swarm.sessions.call import Call
from mcp_swarm.sessions.client_requests import ClientRequests
from mcp_swarm.sessions.http_errors import LOST
from mcp_swarm.sessions.inbox import Inbox, Message
from mcp_swarm.sessions.services import SessionServices
from mcp_swarm.sessions.session import SessionSnapshot
from mcp_swarm.sessions.stream_reader import GET, StreamReader

# The reader token of a call whose messages still go to the response of its POST.
DIRECT = "direct"

logger = logging.getLogger(__name__)


class Replica:
    """This replica as a part of the shared sessions.

    Args:
        store: the store of all replicas.
        waiting: a Redis client for blocking commands.
        may_repeat: returns whether a request may run twice.
        ttl: seconds that an unused session is kept.
        timeout: seconds that the stop waits for calls whose client is not connected.
    """

    services: SessionServices  # set before it serves

    def __init__(
        self,
        store: SessionStore,
        waiting: Redis,
        may_repeat: Callable[[JSONRPCRequest], bool],
        ttl: float,
        timeout: float,
    ) -> None:
        self.id = uuid4().hex[:16]  # not its name, which the next process may have too
        self.store = store
        self._may_repeat = may_repeat
        self._ttl = ttl
        self._client_requests = ClientRequests(self.id)
        self._waiting = waiting
        self._timeout = timeout
        self._calls: defaultdict[str, set[Call]] = defaultdict(set)
        self._readers: defaultdict[str, set[StreamReader]] = defaultdict(set)
        self._streams_of: Counter[str] = Counter()
        self._to_leave: list[StreamReader] = []  # to release when Redis answers again
        self._tasks: set[asyncio.Future[None]] = set()
        # Kind of a message from another replica → what handles it.
        self._handlers: dict[str, Callable[[str, Message], Awaitable[None] | None]] = {
            "news": self._on_news,
            "taken": self._on_taken,
            "answer": self._on_answer,
            "progress": self._on_progress,
            "cancel": self._on_cancel,
            "end": self._on_end,
            "close": self._on_close,
        }
        store.connection.availability.when_available(self._on_back)

    def serve(self, server: Server[Any], lifespan_state: Any) -> None:
        """Serves calls with `server`, whose lifespan has begun."""
        self.services = SessionServices(
            self.id,
            self.store,
            self._client_requests,
            server,
            lifespan_state,
            self._may_repeat,
            self._ttl,
            self.spawn,
        )

    @property
    def streams(self) -> int:
        """The number of open streams."""
        return sum(map(len, self._readers.values()))

    def gauges(self) -> dict[str, float]:
        """Returns the streams, calls and open requests of this replica."""
        return {
            "session_streams": self.streams,
            "session_calls": sum(map(len, self._calls.values())),
            "session_client_requests": len(self._client_requests),
        }

    def streams_of(self, owner: str) -> int:
        """Returns how many of them belong to that caller."""
        return self._streams_of[owner]

    @asynccontextmanager
    async def run(self) -> AsyncIterator[list["asyncio.Task[None]"]]:
        """Sends heartbeats and reads the inbox. At the end it first finishes the running calls."""
        inbox = Inbox(self._waiting, self.store.inbox(self.id), self.hear)
        with suppress(RedisError, OSError):
            await self.store.heartbeat(self.id, inbox.last)
        running = [
            asyncio.create_task(self._live(inbox), name="the heartbeat of sessions"),
            asyncio.create_task(inbox.run(), name="the inbox of sessions"),
        ]
        try:
            yield running
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self._timeout)
        finally:
            for task in (*running, *self._tasks):
                task.cancel()
            await asyncio.gather(*running, *self._tasks, return_exceptions=True)
            with suppress(RedisError, OSError):
                await self.store.end(self.id)

    def spawn(self, work: Awaitable[None]) -> None:
        """Runs `work` in the background; it may outlive the request that started it."""
        task: asyncio.Future[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_complain)

    def start(self, call: Call) -> None:
        """Runs a call to its end, even if its request ends earlier."""

        async def run() -> None:
            calls = self._calls[call.snapshot.id]
            calls.add(call)
            try:
                await call.run()
            finally:
                calls.discard(call)
                if not calls:
                    self._calls.pop(call.snapshot.id, None)

        self.spawn(run())

    def run_taken_over(
        self, snapshot: SessionSnapshot, name: str, taken_over: TakenOverCall, http: Request
    ) -> None:
        """Answers a dead replica's call: runs it again, or sends an error if that is not safe."""
        message = JSONRPCRequest.model_validate_json(taken_over.message)
        call = Call(
            self.services,
            snapshot,
            message,
            http,
            streams=True,
            name=name,
            attempt=taken_over.attempt,
        )
        call.responses.leave()
        call.keep()
        if taken_over.may_repeat:
            logger.warning("a call of session %s runs again: its replica was lost", snapshot.id[:8])
            self.start(call)
        else:
            call.answer_with(LOST)

    def add_reader(self, reader: StreamReader) -> None:
        self._readers[reader.session].add(reader)
        self._streams_of[reader.owner] += 1

    async def remove_reader(self, reader: StreamReader) -> None:
        """Forgets a reader, and releases its stream as soon as Redis answers."""
        readers = self._readers[reader.session]
        readers.discard(reader)
        self._streams_of -= Counter([reader.owner])
        if not readers:
            self._readers.pop(reader.session, None)
        try:
            await reader.leave()
        except (RedisError, OSError):
            self._to_leave.append(reader)

    def close_streams(self) -> None:
        """Ends GET streams, which clients resume on other replicas. Calls in flight go on."""
        for readers in list(self._readers.values()):
            for reader in list(readers):
                reader.end()

    def cancel(self, session: str, request_id: RequestId) -> None:
        """Cancels a call, if it runs here."""
        for call in list(self._calls.get(session, ())):
            if call.is_request(request_id):
                call.cancel()

    def _on_back(self) -> None:
        for readers in self._readers.values():
            for reader in readers:
                reader.wake()

    async def _live(self, inbox: Inbox) -> None:
        while True:
            with suppress(RedisError, OSError):
                await self.store.heartbeat(self.id, inbox.last)
                for reader in list(self._to_leave):  # more may come meanwhile
                    await reader.leave()
                    self._to_leave.remove(reader)
            await asyncio.sleep(HEARTBEAT_EVERY)

    async def hear(self, message: Message) -> None:
        """Handles a message of another replica; a newer one may send kinds unknown here."""
        if handle := self._handlers.get(message["kind"]):
            handled = handle(message["session"], message)
            if handled is not None:
                await handled

    def _on_news(self, session: str, message: Message) -> None:
        for reader in self._readers.get(session, ()):
            if reader.name == message["stream"]:
                reader.wake()

    def _on_answer(self, session: str, message: Message) -> None:
        self._client_requests.answer(session, json.loads(message["message"]))

    def _on_progress(self, session: str, message: Message) -> Awaitable[None]:
        return self._client_requests.progress(session, json.loads(message["message"]))

    def _on_cancel(self, session: str, message: Message) -> None:
        self.cancel(session, json.loads(message["message"]))

    def _on_end(self, session: str, message: Message) -> None:
        for reader in list(self._readers.get(session, ())):
            if reader.name == GET:
                reader.end()

    def _on_taken(self, session: str, message: Message) -> None:
        """Ends the reader or response of a stream that another reader has taken."""
        stream, token = message["stream"], message["token"]
        for reader in list(self._readers.get(session, ())):
            if reader.token == token:
                reader.end()
        for call in list(self._calls.get(session, ())):
            if call.name == stream and token == DIRECT:
                call.responses.close()

    def _on_close(self, session: str, message: Message) -> None:
        self._client_requests.drop(session)
        for call in list(self._calls.get(session, ())):
            call.cancel(answered=True)
        for reader in list(self._readers.get(session, ())):
            reader.end()


def _complain(task: "asyncio.Future[None]") -> None:
    if not task.cancelled() and (error := task.exception()):
        logger.error("work for a session failed", exc_info=error)
