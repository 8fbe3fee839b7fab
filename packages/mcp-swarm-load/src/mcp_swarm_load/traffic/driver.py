"""Makes calls from end to end: picks, sends, judges, continues and counts them.

The plain case (one kind of call, no session) is the hot path. Every other feature costs it one
test.
"""

from __future__ import annotations

import asyncio
import itertools
from time import perf_counter_ns

from mcp_swarm_load.measure.result import Result
from mcp_swarm_load.plan import Plan, Share
from mcp_swarm_load.schedule import Make
from mcp_swarm_load.target.connection import Exchange
from mcp_swarm_load.target.pool import ConnectionPool
from mcp_swarm_load.traffic.callers import Caller
from mcp_swarm_load.traffic.calls import Call
from mcp_swarm_load.traffic.mix import picker
from mcp_swarm_load.traffic.rounds import Rounds
from mcp_swarm_load.traffic.sessions import SessionError, Sessions
from mcp_swarm_load.traffic.values import RandomSource

NEVER = 1 << 62
"""A perf_counter_ns() that is never reached."""


class Driver:
    """Makes the calls of a plan, or of one process's share, and counts them in `result`.

    Calls due before `result.start` are the warm-up. They are judged, but no figure includes them.
    """

    def __init__(self, plan: Plan, pool: ConnectionPool, result: Result, share: Share) -> None:
        self._plan, self._pool, self.result = plan, pool, result
        self._numbers = itertools.count(share.number + 1, share.of)
        self._warm = Result(result.start)
        self._warm_left = plan.warmup_calls or NEVER
        options = {"token": plan.token, "keep_alive": plan.keep_alive}
        source = RandomSource(plan.seed, share.number, share.of)
        self._pick = picker(plan.kinds, plan.eras, source, plan.url, **options)
        self._rounds = Rounds(plan.url, self._make_call, **options)
        self._sessions: Sessions | None = None
        if plan.sessions:
            self._sessions = Sessions(
                plan.url,
                self._make_call,
                lambda request: pool.send(request, perf_counter_ns()),
                plan.sessions,
                keep_alive=plan.keep_alive,
                token=plan.token,
            )

    @property
    def warmup(self) -> int:
        """Number of calls made in the warm-up."""
        return self._warm.made

    def maker(self, caller: Caller) -> Make:
        """Returns the function that makes one call for this caller."""
        plan, result, sessions = self._plan, self.result, self._sessions
        send, pick, numbers = self._pool.send, self._pick, self._numbers
        late = plan.rate is not None
        headers = caller.headers

        async def make(due: int) -> None:
            into = result if due >= result.start else self._warm_up(due)
            call = pick()
            into.made += 1
            if late:
                into.lateness.record(perf_counter_ns() - due)
            if sessions is not None and call.era == "legacy":
                await self._in_session(call, caller, due, into)
                return
            number = next(numbers)
            exchange = await send(call.render(number, headers), due)
            wrong = call.judge(number, exchange)
            if wrong and exchange.result is not None:
                exchange, wrong = await self._rounds.finish(call, exchange, wrong, headers, into)
            into.add(exchange, wrong, call.era, call.label, caller.tenant)
            if exchange.progress >= 0:
                self._note_stream(exchange, into)

        return make

    async def close(self, callers: list[Caller]) -> None:
        """Closes the callers' open sessions."""
        if self._sessions is not None:
            await self._sessions.close_all(callers, self.result)

    async def _in_session(self, call: Call, caller: Caller, due: int, into: Result) -> None:
        assert self._sessions is not None
        try:
            session = await self._sessions.take(caller, into)
        except SessionError as error:
            error.exchange.due = due
            into.add(error.exchange, str(error), call.era, call.label, caller.tenant)
            return
        try:
            exchange, wrong = await self._make_call(call, session.headers)
        except asyncio.CancelledError:
            caller.idle.append(session)  # `close` closes it at the end of the run
            raise
        exchange.due = due
        wrong = self._sessions.judge(session, caller, exchange, wrong, into)
        into.add(exchange, wrong, call.era, call.label, caller.tenant)
        if exchange.progress >= 0:
            self._note_stream(exchange, into)
        await self._sessions.give_back(session, caller, into)

    def _warm_up(self, due: int) -> Result:
        """Returns where to count a call due before measuring began. The last one starts measuring."""
        if self._warm_left > 0:
            self._warm_left -= 1
            return self._warm
        self.result.start = due
        return self.result

    async def _make_call(self, call: Call, headers: bytes) -> tuple[Exchange, str]:
        number = next(self._numbers)
        exchange = await self._pool.send(call.render(number, headers), perf_counter_ns())
        return exchange, call.judge(number, exchange)

    def _note_stream(self, exchange: Exchange, into: Result) -> None:
        """Counts an answer that was an event stream."""
        flow = into.flow
        flow.streams += 1
        flow.progress += exchange.progress
        flow.stream_first_event.record(exchange.first_body - exchange.sent)
        flow.stream_last_byte.record(exchange.done - exchange.sent)
