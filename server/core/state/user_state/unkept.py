"""Tells the operator, once a tool, that what it keeps by ``ctx.set_state`` is gone after the call.

Only a session keeps it (``MCP_STATELESS_HTTP=false``), and clients of 2026-07-28 have none.
FastMCP keeps it under the call's own id then, and says nothing. The call itself goes on.
"""

import logging
from collections.abc import Callable

from fastmcp import Context
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

logger = logging.getLogger(__name__)

_FOR_ALL = "take UserSession or SessionId in its place (docs/state.md)"
_FOR_OLDER = "or, if all its clients are of 2025-11-25 or before, set MCP_STATELESS_HTTP=false"


def told_once(*, has_sessions: bool) -> Callable[[Context], None]:
    """To be called with the context of each ``ctx.set_state``."""
    told: set[tuple[str, str]] = set()
    why = "clients of 2026-07-28 have" if has_sessions else "there are"
    next_step = _FOR_ALL if has_sessions else f"{_FOR_ALL}, {_FOR_OLDER}"

    def tell(context: Context) -> None:
        asked = context.request_context
        if asked is None or asked.request is None:  # a job, whose state lasts as long as it does
            return
        if has_sessions and asked.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return
        name: tuple[str, str] = asked.request.scope.get("state", {}).get("mcp", ("-", "-"))
        if name not in told:
            told.add(name)
            logger.warning(
                "%s %r keeps something by ctx.set_state, which is gone after the call: %s no "
                "sessions. Next: %s",
                *name,
                why,
                next_step,
            )

    return tell
