"""A fair queue: callers that wait for a process are served round-robin."""

import asyncio
from collections import deque

from mcp_swarm.process_pool.tool_error import ToolError

# Calls of one caller that may wait.
MAX_WAITING = 16


class TooManyError(ToolError):
    """The caller already has ``MAX_WAITING`` calls in the queue."""


class Turns:
    """Admits `max_calls` calls at once. Waiting callers are served round-robin, each one's calls in order."""

    def __init__(self, max_calls: int) -> None:
        self._free = max_calls
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def take(self, caller: str) -> None:
        """Waits for the caller's turn.

        Raises:
            TooManyError: too many of its calls wait.
        """
        if self._free > 0:  # then nobody waits
            self._free -= 1
            return
        queue = self._waiting.setdefault(caller, deque())
        if len(queue) >= MAX_WAITING:
            raise TooManyError(
                f"{MAX_WAITING} of your calls are already waiting. Try again when one has ended."
            )
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():  # its turn came as it left
                self.give()
            raise

    def give(self) -> None:
        """Admits a call of the caller that was served least recently."""
        while self._waiting:
            caller, queue = next(iter(self._waiting.items()))
            del self._waiting[caller]
            turn = queue.popleft()
            if queue:
                self._waiting[caller] = queue  # behind all others
            if not turn.done():  # else it has left
                turn.set_result(None)
                return
        self._free += 1
