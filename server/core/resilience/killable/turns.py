"""Who is next: callers that wait for something scarce take turns."""

import asyncio
from collections import deque

from server.core.resilience.killable.tool_error import ToolError

# Calls of one caller that may wait.
MOST_WAITING = 16


class TooManyError(ToolError):
    """So many calls of one caller wait already that another is refused."""


class Turns:
    """Lets so many in at once. Callers that wait take turns; each one's own calls come in order."""

    def __init__(self, most: int) -> None:
        self._free = most
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
        if len(queue) >= MOST_WAITING:
            raise TooManyError(
                f"{MOST_WAITING} calls of yours wait for this already. Try again later."
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
        """It is the turn of the caller that has waited longest since it was let in."""
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
