"""The graceful stop: not ready → keep serving → close streams → finish calls → exit 0.

After SIGTERM (from an orchestrator) the server keeps serving for ``MCP_DRAIN_SECONDS``, until the
balancer has seen that it is not ready. After SIGINT (from a person) it does not. A second signal ends
the process at once. uvicorn alone would close its socket at the signal, wait for open streams for
ever, and exit with the signal's code.
"""

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn

from mcp_swarm.errors import EXIT_FINE, EXIT_LOST, EXIT_NOT_STARTED
from mcp_swarm.isolation import blocked_loop, event_loop
from mcp_swarm.process.health import Health, nothing

logger = logging.getLogger(__name__)

# Seconds that Python may take to exit after the stop.
SECONDS_TO_END = 1.0


class DrainingServer(uvicorn.Server):
    """uvicorn's server with the graceful stop above."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        health: Health,
        drain_seconds: float,
        close_streams: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self.health = health
        self.drain_seconds = drain_seconds
        self.close_streams = close_streams
        self.asked_to_stop = False
        self._stopping: asyncio.Task[None] | None = None
        self._end_watch: Callable[[], None] = nothing
        health.on_loss = self._fail
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting: asyncio.Task[SystemExit | None] | None = None

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Runs the server until it has stopped. A tool's ``sys.exit`` does not end it."""
        event_loop.run(self.serve(sockets), self.config.get_loop_factory())

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts like uvicorn. A signal during the start cancels it."""
        self._loop = asyncio.get_running_loop()
        if self.should_exit:
            return
        self._starting = asyncio.ensure_future(self._start(sockets))
        await asyncio.wait({self._starting})
        if not self._starting.cancelled() and (failed := self._starting.result()):
            raise failed
        self._end_watch = blocked_loop.watch(self._loop)

    async def _start(self, sockets: list[socket.socket] | None) -> SystemExit | None:
        """Starts uvicorn; returns its SystemExit, which must not leave a task."""
        try:
            await super().startup(sockets=sockets)
        except SystemExit as failed:
            return failed
        return None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handles a signal: begins the stop, or ends at once if the stop has begun."""
        self.asked_to_stop = True
        if self._loop and self._starting and not self._starting.done():
            self.should_exit = True
            self._loop.call_soon_threadsafe(self._starting.cancel)
            return
        if self._loop is None or self.health.draining:
            self.should_exit = self.force_exit = True
            return
        self.health.draining = True
        delay = self.drain_seconds if sig == signal.SIGTERM else 0.0
        logger.info("%s: draining for %g s", signal.Signals(sig).name, delay)
        # A signal handler runs between two bytecodes: the rest is done in the loop.
        self._loop.call_soon_threadsafe(self._begin_stop, delay)

    def _fail(self) -> None:
        """Stops as after SIGTERM, with another exit code: a part of the process has ended."""
        if not self.health.draining:
            self.health.draining = True
            logger.info("draining for %g s", self.drain_seconds)
            self._begin_stop(self.drain_seconds)

    @property
    def exit_code(self) -> int:
        """The exit code of the process, once the server has stopped."""
        if self.health.lost and self.started:
            return EXIT_LOST
        return EXIT_FINE if self.started or self.asked_to_stop else EXIT_NOT_STARTED

    def _begin_stop(self, delay: float) -> None:
        self._stopping = asyncio.ensure_future(self._stop(delay))

    async def _stop(self, delay: float) -> None:
        await asyncio.sleep(delay)
        self.close_streams()
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finishes calls in flight, and closes streams that open meanwhile on a kept connection."""
        closing = asyncio.ensure_future(self._keep_closing())
        try:
            await super().shutdown(sockets)
        finally:
            closing.cancel()
            self._end_watch()
            _end_anyway(self.exit_code)

    async def _keep_closing(self) -> None:
        while True:
            self.close_streams()
            await asyncio.sleep(0.2)


def _end_anyway(code: int) -> None:
    """Ends the process soon, even if a tool's thread blocks for ever: Python would wait for it."""

    def end() -> None:
        logger.warning("a tool still blocks its thread; the process ends without it")
        os._exit(code)

    timer = threading.Timer(SECONDS_TO_END, end)
    timer.daemon = True
    timer.start()
