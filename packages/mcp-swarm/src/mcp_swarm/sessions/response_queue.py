"""The queue between a running call and the response to its POST."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

# Messages that may wait for a slow client. Beyond it the response ends; the client can resume.
MAX_WAITING = 1000
# Messages that are held back until the response is there.
MAX_HELD = 100


@dataclass(frozen=True)
class Said:
    """One message of a call.

    Attributes:
        attempt: the attempt of the call that sent it, from 1.
        number: of the message in that attempt.
        data: the message as JSON.
        final: whether it is the call's response.
        asks: whether the client has to answer it.
    """

    attempt: int
    number: int
    data: str
    final: bool = False
    asks: bool = False

    @property
    def position(self) -> str:
        """Its id in the call's Redis stream."""
        return f"{self.attempt}-{self.number}"


class ResponseQueue:
    """Passes the messages of a call to the response that sends them."""

    def __init__(self) -> None:
        self.closed = False
        self.ended = False
        self._stays = False
        self._is_left = False
        self._waiting: deque[Said | None] = deque()  # None: closed here
        self._changed = asyncio.Event()

    def put(self, said: Said) -> None:
        """Adds a message, without waiting for the client."""
        if self._is_left:
            return
        if len(self._waiting) >= MAX_WAITING:
            self.close()
            return
        self._waiting.append(said)
        self._changed.set()

    def close(self) -> None:
        """Ends the response after the messages so far. The call goes on."""
        if not self._stays:
            self.closed = True
            self._waiting.append(None)
            self._changed.set()

    def end(self) -> None:
        """Ends the response for good: the call has no result."""
        self._stays, self.ended = False, True
        self.close()

    def stay(self) -> None:
        """Keeps the response open until the result: the client cannot resume."""
        if self.ended:
            return
        self._stays, self.closed = True, False
        self._waiting = deque(said for said in self._waiting if said)

    def leave(self) -> None:
        """Discards messages from now on: the client has disconnected."""
        self._is_left = True
        self._waiting.clear()

    @property
    def answer(self) -> Said | None:
        """The call's response, if no other message is before it. It stays in the queue."""
        said = self._next
        return said if said and said.final else None

    @property
    def ended_silent(self) -> bool:
        """Whether there was no message, and will be none."""
        return self.ended and self._next is None

    @property
    def _next(self) -> Said | None:
        return self._waiting[0] if self._waiting else None

    async def take(self, seconds: float | None = None) -> Said | None:
        """Returns the next message; None after `seconds`, or if the queue is closed and empty."""
        await self.wait(seconds)
        return self._waiting.popleft() if self._waiting else None

    async def wait(self, seconds: float | None = None) -> None:
        """Waits until there is a message or the queue is closed, at most `seconds`."""
        await self._wait(seconds, lambda: bool(self._waiting))

    async def hold(self, seconds: float) -> None:
        """Waits until the response, a question, MAX_HELD messages or the end, at most `seconds`."""
        await self._wait(seconds, self._cannot_be_held)

    def _cannot_be_held(self) -> bool:
        waiting = self._waiting
        return len(waiting) >= MAX_HELD or any(
            said is None or said.final or said.asks for said in waiting
        )

    async def _wait(self, seconds: float | None, is_over: Callable[[], bool]) -> None:
        if is_over():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not is_over():
                    self._changed.clear()
                    await self._changed.wait()
