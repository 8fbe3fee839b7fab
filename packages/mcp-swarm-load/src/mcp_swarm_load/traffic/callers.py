"""Callers, each with a token of a tenant and, in 2025-11-25, with sessions."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and its tenant. Reports show the tenant, never the token."""

    token: str = field(repr=False)
    tenant: str = ""


@dataclass(slots=True)
class Session:
    """A client's view of a session of 2025-11-25. Each of `headers` ends with its line end."""

    id: bytes
    headers: bytes
    used: int = 0
    """Calls made in it, without the handshake."""
    calls: int = 0
    """Answers received in it."""
    replica: str = ""
    pinned: bool = True
    lost: bool = False

    def note(self, replica: str) -> None:
        """Counts an answer and updates whether all came from one replica."""
        self.calls += 1
        if replica:
            self.pinned = self.pinned and self.replica in ("", replica)
            self.replica = replica


@dataclass(slots=True)
class Caller:
    """One caller. In an open loop it represents all callers of a tenant and has many sessions."""

    headers: bytes = b""
    tenant: str = ""
    idle: deque[Session] = field(default_factory=deque)
    lost: int = 0
    """Lost sessions that are not yet replaced."""


def make_callers(
    count: int,
    tokens: tuple[Token, ...],
    headers: tuple[tuple[str, str], ...],
    first: int = 0,
    step: int = 1,
) -> list[Caller]:
    """Returns `count` callers that take the tokens in turn and send `headers`.

    Their numbers start at `first` and grow by `step`.
    """
    numbers = range(first, first + count * step, step)
    common = "".join(f"{name}: {value}\r\n" for name, value in headers)
    if not tokens:
        return [Caller(common.encode()) for _ in numbers]
    whose = [tokens[number % len(tokens)] for number in numbers]
    return [
        Caller(f"Authorization: Bearer {each.token}\r\n{common}".encode(), each.tenant)
        for each in whose
    ]
