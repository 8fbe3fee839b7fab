"""Who calls: a caller has a token (its tenant's) and, in 2025-11-25, a session."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and whose it is; reports show the tenant, never the token."""

    token: str = field(repr=False)
    tenant: str = ""


@dataclass(slots=True)
class Session:
    """A session of 2025-11-25 as its client knows it. `headers` end each with its line end."""

    id: bytes
    headers: bytes
    used: int = 0
    """Calls made in it, without those that open it."""
    calls: int = 0
    """Answers in it."""
    replica: str = ""
    pinned: bool = True
    lost: bool = False

    def note(self, replica: str) -> None:
        """Count an answer, and whether all came from one replica."""
        self.calls += 1
        if replica:
            self.pinned = self.pinned and self.replica in ("", replica)
            self.replica = replica


@dataclass(slots=True)
class Caller:
    """One caller. In an open loop it stands for all callers of its tenant, with many sessions."""

    headers: bytes = b""
    tenant: str = ""
    idle: deque[Session] = field(default_factory=deque)
    lost: int = 0
    """Sessions lost and not yet opened again."""


def make_callers(
    count: int,
    tokens: tuple[Token, ...],
    headers: tuple[tuple[str, str], ...],
    first: int = 0,
    step: int = 1,
) -> list[Caller]:
    """So many callers, who take the tokens in turn; numbers from `first` in steps of `step`."""
    numbers = range(first, first + count * step, step)
    more = "".join(f"{name}: {value}\r\n" for name, value in headers)
    if not tokens:
        return [Caller(more.encode()) for _ in numbers]
    whose = [tokens[number % len(tokens)] for number in numbers]
    return [
        Caller(f"Authorization: Bearer {each.token}\r\n{more}".encode(), each.tenant)
        for each in whose
    ]
