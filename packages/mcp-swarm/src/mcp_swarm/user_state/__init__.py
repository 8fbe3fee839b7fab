"""State across calls: FastMCP's ``UserSession`` and ``SessionId``, made safe for concurrent calls.

    @tool
    async def visit(session: UserSession) -> int:
        return await update(session, "visits", lambda n: (n or 0) + 1)

Concurrent ``session.set`` of different keys never overwrite each other. ``update`` computes a new
value from the old one. All replicas share the state if ``REDIS_URL`` names a Redis (``shared.py``).
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from fastmcp.server.sessions import Session

T = TypeVar("T")

# What `update` read: the session's key and its value, or ABSENT.
expected: ContextVar[tuple[str, Any] | None] = ContextVar("expected", default=None)

ABSENT: Any = object()


class ChangedMeanwhileError(Exception):
    """Another call has changed the value since `update` read it."""


async def update(session: Session, key: str, change: Callable[[T | None], T]) -> T:
    """Replaces a value by a function of it, atomically (compare and set, with retries).

    Args:
        session: a ``UserSession``, or the result of ``get_session(session_id)``.
        key: of the value.
        change: returns the new value for the old one, which is None if there is none. It must be quick
            and without side effects: it is called again if another call was faster.

    Returns:
        The new value.
    """
    while True:
        before = await session.get(key, ABSENT)
        after = change(None if before is ABSENT else before)
        reset_token = expected.set((key, before))
        try:
            await session.set(key, after)
        except ChangedMeanwhileError:
            continue
        finally:
            expected.reset(reset_token)
        return after
