"""The response to a POST while its call runs: what the call says, in order, until it is closed."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

# Messages that may wait for a slow client; beyond, it is cut and resumes from what is kept.
MAX_WAITING = 1000
# Messages that are held back for the answer to come with them.
MAX_HELD = 100


@dataclass(frozen=True)
class Said:
    """One message of a call.

    Attributes:
        attempt: how often the call had been begun when it was said.
        number: in that attempt.
        data: the message as JSON.
        final: it is the answer.
        asks: the client has to answer it.
    """

    attempt: int
    number: int
    data: str
    final: bool = False
    asks: bool = False

    @property
    def position(self) -> str:
        """In the stream of the call, as Redis orders it."""
        return f"{self.attempt}-{self.number}"


class ResponseQueue:
    """Hands messages from the call that makes them to the response that sends them."""

    def __init__(self) -> None:
        self.closed = False
        self.ended = False
        self._stays = False
        self._is_left = False
        self._waiting: deque[Said | None] = deque()  # None: closed here
        self._changed = asyncio.Event()

    def put(self, said: Said) -> None:
        """Adds a message; never waits for the client."""
        if self._is_left:
            return
        if len(self._waiting) >= MAX_WAITING:
            self.close()
            return
        self._waiting.append(said)
        self._changed.set()

    def close(self) -> None:
        """Ends the response after what was said so far; the call goes on."""
        if not self._stays:
            self.closed = True
            self._waiting.append(None)
            self._changed.set()

    def end(self) -> None:
        """Ends the response for good: there will be no answer."""
        self._stays, self.ended = False, True
        self.close()

    def stay(self) -> None:
        """It is the only way to the client: it is not closed before the answer."""
        if self.ended:
            return
        self._stays, self.closed = True, False
        self._waiting = deque(said for said in self._waiting if said)

    def leave(self) -> None:
        """Nobody takes messages any more."""
        self._is_left = True
        self._waiting.clear()

    @property
    def answer(self) -> Said | None:
        """The answer, if nothing else was said before it; it is not taken."""
        said = self._next
        return said if said and said.final else None

    @property
    def ended_silent(self) -> bool:
        """There was no message, and there will be none."""
        return self.ended and self._next is None

    @property
    def _next(self) -> Said | None:
        return self._waiting[0] if self._waiting else None

    async def take(self, seconds: float | None = None) -> Said | None:
        """The next message; None after `seconds`, and once it is closed and the rest is taken."""
        await self.wait(seconds)
        return self._waiting.popleft() if self._waiting else None

    async def wait(self, seconds: float | None = None) -> None:
        """Until there is a message or it is closed, at most `seconds`."""
        await self._wait(seconds, lambda: bool(self._waiting))

    async def hold(self, seconds: float) -> None:
        """Until the last message, a question, many messages or its end, at most `seconds`."""
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
