"""State across calls: FastMCP's ``UserSession`` and ``SessionId``, made safe for calls at once.

    @tool
    async def visit(session: UserSession) -> int:
        return await update(session, "visits", lambda n: (n or 0) + 1)

``session.set`` of different keys never undo each other; ``update`` is for a new value that is
made of the old one. Over all replicas when ``REDIS_URL`` names a Redis (``shared.py``).
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
    """The value is not what `update` made its new one of."""


async def update(session: Session, key: str, change: Callable[[T | None], T]) -> T:
    """Replaces a value by one made of it; of calls at once, each sees the other's.

    Args:
        session: a ``UserSession``, or what ``get_session(session_id)`` gives.
        key: of the value.
        change: makes the new value of the old one, None if there is none. It must be quick and
            without effects: it is called again if another call was faster.

    Returns:
        The new value.
    """
    while True:
        before = await session.get(key, ABSENT)
        after = change(None if before is ABSENT else before)
        mark = expected.set((key, before))
        try:
            await session.set(key, after)
        except ChangedMeanwhileError:
            continue
        finally:
            expected.reset(mark)
        return after
