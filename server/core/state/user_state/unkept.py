"""Tells the operator, once a tool, that what it keeps by its context is gone after the call.

``ctx.set_state`` needs a session (``MCP_STATELESS_HTTP=false``), and clients of 2026-07-28 have
none. So does ``ctx.enable_components`` for clients up to 2025-11-25; for later ones FastMCP keeps it
by their name, or says that they have none. It says nothing of the rest. The call itself goes on.
"""

import logging
from collections.abc import Callable

from fastmcp import Context
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

logger = logging.getLogger(__name__)

_STATE = "set_state"
_FOR_ALL = "take UserSession or SessionId in its place (docs/state.md)"
_FOR_OLDER = "or, if all its clients are of 2025-11-25 or before, set MCP_STATELESS_HTTP=false"
_SESSIONS = "for clients up to 2025-11-25 set MCP_STATELESS_HTTP=false (docs/sessions.md)"


def told_once(*, has_sessions: bool) -> Callable[[Context, str], None]:
    """To be called with the context and the method each time that a tool keeps something by it."""
    told: set[tuple[str, str, str]] = set()
    why = "clients of 2026-07-28 have" if has_sessions else "there are"
    for_state = _FOR_ALL if has_sessions else f"{_FOR_ALL}, {_FOR_OLDER}"

    def tell(context: Context, kept_by: str) -> None:
        asked = context.request_context
        if asked is None or asked.request is None:  # a job, whose state lasts as long as it does
            return
        is_modern = asked.protocol_version in MODERN_PROTOCOL_VERSIONS
        if (has_sessions and not is_modern) or (is_modern and kept_by != _STATE):
            return
        method, name = asked.request.scope.get("state", {}).get("mcp", ("-", "-"))
        if (method, name, kept_by) not in told:
            told.add((method, name, kept_by))
            logger.warning(
                "%s %r keeps something by ctx.%s, which is gone after the call: %s no "
                "sessions. Next: %s",
                method,
                name,
                kept_by,
                why,
                for_state if kept_by == _STATE else _SESSIONS,
            )

    return tell
