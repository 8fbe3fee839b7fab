"""A pool of keep-alive connections to one target.

It sends each request at once, on an idle connection or on a new one. It sends nothing twice.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter, deque
from contextlib import suppress
from time import perf_counter_ns
from urllib.parse import SplitResult

from mcp_swarm_load.measure.affinity import Affinity
from mcp_swarm_load.target.connection import Connection, Exchange
from mcp_swarm_load.target.tls import tls_context

_SWEEP_SECONDS = 0.1


class TargetError(Exception):
    """The target cannot be reached. The message says what was tried and what to check."""


class ConnectionPool:
    """Connections to one URL. Call `start` first and `stop` last.

    `timeout` limits, in seconds, the time from writing a request to the last byte of its answer,
    and the time to connect. Without `keep_alive` every call opens a new connection. `ca` is a
    file of trusted certificates; None means those of the system.
    """

    def __init__(
        self, url: SplitResult, *, timeout: float, keep_alive: bool = True, ca: str | None = None
    ) -> None:
        self._host = url.hostname or ""
        self._tls = tls_context(ca) if url.scheme == "https" else None
        self._port = url.port or (443 if self._tls else 80)
        self._timeout = timeout
        self._keep_alive = keep_alive
        self._idle: deque[Connection] = deque()
        self._all: set[Connection] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self.opened = 0
        self._gone = Affinity()

    async def start(self) -> None:
        """Opens the first connection, which the first call uses. Raises TargetError if it fails."""
        try:
            self._idle.append(await self._connect())
        except OSError as error:
            where = f"{self._host}:{self._port}"
            raise TargetError(
                f"cannot reach {where}: {_reason(error)}. "
                "Expected an MCP server there. Check that it is up and that --url is right."
            ) from error
        self._sweeper = asyncio.create_task(self._fail_overdue())

    async def stop(self) -> None:
        """Closes every connection. Exchanges in flight stay unfinished."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._all):
            connection.fail("stopped")
            self._forget(connection)
        await asyncio.sleep(0)

    async def send(self, request: bytes, due: int) -> Exchange:
        """Sends one request and waits for its answer. Failures are in `Exchange.error`."""
        exchange = Exchange(due)
        connection = self._take_idle()
        if connection is None:
            try:
                connection = await self._connect()
            except OSError as error:
                exchange.done = perf_counter_ns()
                exchange.error = f"cannot connect: {_reason(error)}"
                return exchange
        await connection.send(request, exchange)
        return exchange

    def affinity(self) -> Affinity:
        """Returns which connections stayed on one replica so far."""
        seen = Affinity(Counter(self._gone.pinned), self._gone.mixed, self._gone.repeats)
        for connection in self._all:
            seen.note(connection)
        return seen

    def _take_idle(self) -> Connection | None:
        while self._idle:
            # The longest idle first, so that all connections are used, as by separate clients.
            connection = self._idle.popleft()
            if connection.usable():
                return connection
            self._forget(connection)
        return None

    async def _connect(self) -> Connection:
        """Opens a connection. Raises OSError; TimeoutError is one."""
        async with asyncio.timeout(self._timeout):
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(self._release), self._host, self._port, ssl=self._tls
            )
        self.opened += 1
        if not connection.open:
            raise ConnectionResetError("closed by the peer at once")
        self._all.add(connection)
        return connection

    def _release(self, connection: Connection) -> None:
        if connection.open and self._keep_alive:
            self._idle.append(connection)
            return
        connection.close()
        self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        if connection not in self._all:
            return
        self._all.discard(connection)
        with suppress(ValueError):
            self._idle.remove(connection)
        self._gone.note(connection)

    async def _fail_overdue(self) -> None:
        """Fails overdue exchanges in one sweep. A timer for each call would cost more than the call."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            before = perf_counter_ns() - int(self._timeout * 1e9)
            for connection in [each for each in self._all if each.overdue(before)]:
                connection.fail(f"no answer within {self._timeout:g} s")


def _reason(error: OSError) -> str:
    """Returns a connection error in plain words, without the addresses that were tried."""
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, socket.gaierror):
        return "unknown host name"
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "connection refused"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    return error.strerror or str(error) or type(error).__name__
