"""Opens sessions of 2025-11-25, uses each for a number of calls, closes them, replaces lost ones.

A session is lost when the server answers 404 to an id that it gave. That call fails, because the
session's state is gone. The caller's next call opens a new session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from urllib.parse import SplitResult

from mcp_swarm_load.measure.result import Result
from mcp_swarm_load.target.connection import Exchange
from mcp_swarm_load.traffic.callers import Caller, Session
from mcp_swarm_load.traffic.calls import CLIENT_INFO, VERSIONS, Call, request_head

SendRequest = Callable[[bytes], Awaitable[Exchange]]
"""Sends a request at once."""
MakeCall = Callable[[Call, bytes], Awaitable[tuple[Exchange, str]]]
"""Makes a call at once with a caller's headers. Returns the exchange and what was wrong with it."""

_HELLO = {"protocolVersion": VERSIONS["legacy"], "capabilities": {}, "clientInfo": CLIENT_INFO}
_MAX_CLOSING = 50
"""Maximum sessions closed at a time when a run ends."""


class SessionError(Exception):
    """A session could not be opened. It has the failed exchange and the reason."""

    def __init__(self, exchange: Exchange, why: str) -> None:
        super().__init__(why)
        self.exchange = exchange


class Sessions:
    """The sessions of all callers. Each is used for `uses` calls."""

    def __init__(
        self,
        url: SplitResult,
        make_call: MakeCall,
        send: SendRequest,
        uses: int,
        *,
        keep_alive: bool,
        token: str | None,
    ) -> None:
        make = partial(Call, url, "legacy", token=token, keep_alive=keep_alive)
        self._initialize = make("initialize", _HELLO)
        self._initialized = make("notifications/initialized")
        self._delete = request_head(
            url, "legacy", "", http_method="DELETE", token=token, keep_alive=keep_alive
        )
        self._make_call, self._send, self._uses = make_call, send, uses

    async def take(self, caller: Caller, into: Result) -> Session:
        """Returns an open session of the caller. Raises SessionError if none can be opened."""
        if caller.idle:
            return caller.idle.popleft()
        exchange, wrong = await self._make_call(self._initialize, caller.headers)
        if wrong:
            into.flow.sessions_refused += 1
            raise SessionError(exchange, f"no session: {wrong}")
        into.add_extra(exchange)
        own = b"Mcp-Session-Id: %b\r\n" % exchange.session if exchange.session else b""
        session = Session(exchange.session, caller.headers + own)
        ready, _ = await self._make_call(self._initialized, session.headers)
        if ready.error or ready.status not in (200, 202, 204):
            into.flow.sessions_refused += 1
            why = ready.error or f"HTTP {ready.status}"
            raise SessionError(ready, f"no session: notifications/initialized: {why}")
        into.add_extra(ready)
        session.note(exchange.replica)
        session.note(ready.replica)
        flow = into.flow
        flow.session_opening.record(ready.done - exchange.sent)
        flow.sessions_opened += 1
        flow.sessions_without_id += not session.id
        if caller.lost:
            caller.lost -= 1
            flow.sessions_reopened += 1
        return session

    def judge(
        self, session: Session, caller: Caller, exchange: Exchange, wrong: str, into: Result
    ) -> str:
        """Notes the answer's replica and returns what is wrong with the answer."""
        session.note(exchange.replica)
        if exchange.status == 404 and session.id:
            into.flow.sessions_lost += 1
            caller.lost += 1
            session.lost = True
            into.flow.session_affinity.note(session)
            return f"session lost: {wrong}"
        if exchange.session and exchange.session != session.id:
            into.flow.sessions_wrong += 1
            return "answer of another session"
        return wrong

    async def give_back(self, session: Session, caller: Caller, into: Result) -> None:
        """Keeps the session for the caller's next call, or closes it after its last use."""
        if session.lost:
            return
        session.used += 1
        if session.used < self._uses:
            caller.idle.append(session)
        else:
            await self._close(session, into)

    async def close_all(self, callers: Iterable[Caller], into: Result) -> None:
        """Closes every open session."""
        open_ones = [session for caller in callers for session in caller.idle]
        for first in range(0, len(open_ones), _MAX_CLOSING):
            batch = open_ones[first : first + _MAX_CLOSING]
            await asyncio.gather(*(self._close(session, into) for session in batch))

    async def _close(self, session: Session, into: Result) -> None:
        flow = into.flow
        flow.session_affinity.note(session)
        if not session.id:
            return
        exchange = await self._send(
            b"%b%bContent-Length: 0\r\n\r\n" % (self._delete, session.headers)
        )
        into.add_extra(exchange)
        if exchange.status in (200, 202, 204):
            flow.sessions_closed += 1
        else:
            flow.sessions_unclosed += 1
