"""The limits on open questions to the users of sessions.

A call that waits costs no time, but it holds a stream open, also at the balancer, and its arguments
in memory. So there are limits per session, per caller and per replica, also for the bytes of their
calls. Protocol 2026-07-28 holds nothing: a question ends the call.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from mcp_swarm import identity
from mcp_swarm.ask.answers import NotAnswered

# Of one replica. The overlays with sessions in deploy/patterns/ allow more open requests at the
# balancer than this (LB_REPLICA_CALLS), so that there is always room for calls.
OF_SESSION, OF_CALLER, OF_ALL = 16, 64, 1000

# Bytes of the arguments of calls that wait, in a replica with 384 MB of memory, where each takes two
# or three times its size. Calls below SMALL do not count: the number limits them.
SMALL = 16 << 10
BYTES_OF_CALLER, BYTES_OF_ALL = 8 << 20, 32 << 20


class OpenQuestions:
    """Counts the open questions of a replica."""

    def __init__(self) -> None:
        self._open: Counter[tuple[str, str]] = Counter()
        self._bytes: Counter[tuple[str, str]] = Counter()

    @property
    def total(self) -> int:
        """The number of open questions on this replica."""
        return self._open["all", ""]

    @contextmanager
    def one(self, session: str, size: int) -> Iterator[None]:
        """Counts one more open question during this block.

        Args:
            session: of the client that is asked.
            size: bytes of the arguments of the call that waits.

        Raises:
            NotAnswered: too many are open already.
        """
        caller = identity.current()
        keys = [("session", session), ("all", "")]
        if caller.client is not None:  # else callers cannot be told apart
            keys.append(("caller", caller.owner))
        size = size if size > SMALL else 0
        self._check(keys, size)
        held, taken = Counter(keys), Counter(dict.fromkeys(keys, size))
        self._open += held
        self._bytes += taken
        try:
            yield
        finally:
            self._open -= held
            self._bytes -= taken

    def _check(self, keys: list[tuple[str, str]], size: int) -> None:
        for kind, name in keys:
            number, bytes_ = _LIMITS[kind]
            whose = _WHOSE[kind]
            if self._open[kind, name] >= number:
                raise NotAnswered(
                    f"{number} questions {whose} wait for an answer already. Next: answer or cancel "
                    "one of them, then call again."
                )
            if self._bytes[kind, name] + size > bytes_:
                raise NotAnswered(
                    f"Calls {whose} that wait for an answer hold {self._bytes[kind, name]:,} bytes of "
                    f"arguments; the maximum is {bytes_:,}. Next: answer or cancel one of them, or "
                    "send smaller arguments."
                )


_LIMITS = {
    "session": (OF_SESSION, BYTES_OF_CALLER),
    "caller": (OF_CALLER, BYTES_OF_CALLER),
    "all": (OF_ALL, BYTES_OF_ALL),
}
_WHOSE = {"session": "of this session", "caller": "of yours", "all": "of this replica"}
