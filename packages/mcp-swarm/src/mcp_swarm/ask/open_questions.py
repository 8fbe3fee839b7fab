"""Questions that wait for their users in sessions, and how many may.

A call that waits takes nothing of the replica's time, but it holds its stream open, at the balancer too,
and its arguments in memory. So there is a limit for each session, each caller and the replica, and for
the bytes of their calls. Clients of 2026-07-28 hold nothing: their questions are answers.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from mcp_swarm import identity
from mcp_swarm.ask.answers import NotAnswered

# Of one replica. The overlays with sessions in deploy/patterns/ have the balancer hold more requests
# open than this (LB_REPLICA_CALLS), so that there is always room for calls.
OF_SESSION, OF_CALLER, OF_ALL = 16, 64, 1000

# Bytes of the arguments of calls that wait, in a replica that may have 384 MB in all; they count twice
# to thrice there. Smaller calls do not count: so many of them are no burden.
SMALL = 16 << 10
BYTES_OF_CALLER, BYTES_OF_ALL = 8 << 20, 32 << 20


class OpenQuestions:
    """Counts the questions of a replica that have no answer yet."""

    def __init__(self) -> None:
        self._open: Counter[tuple[str, str]] = Counter()
        self._bytes: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def one(self, session: str, size: int) -> Iterator[None]:
        """One more is open in this block.

        Args:
            session: whose client is asked.
            size: bytes of the arguments of the call that waits.

        Raises:
            NotAnswered: too many are open already.
        """
        caller = identity.current()
        keys = [("session", session), ("all", "")]
        if caller.client is not None:  # else nobody can tell whose they are
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
                    f"arguments; at most {bytes_:,} are held. Next: answer or cancel one of them, or "
                    "call with less."
                )


_LIMITS = {
    "session": (OF_SESSION, BYTES_OF_CALLER),
    "caller": (OF_CALLER, BYTES_OF_CALLER),
    "all": (OF_ALL, BYTES_OF_ALL),
}
_WHOSE = {"session": "of this session", "caller": "of yours", "all": "of this replica"}
