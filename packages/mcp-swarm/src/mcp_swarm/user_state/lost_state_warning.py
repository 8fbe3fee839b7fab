"""What a tool keeps by its context where there is no session to keep it.

``ctx.set_state`` needs a session, and protocol 2026-07-28 has none: it fails, and says what to use.
For clients up to 2025-11-25 a setting gives sessions (``MCP_STATELESS_HTTP=false``): without it the
operator is warned once a tool, of ``ctx.enable_components`` too, and the call goes on. What later
clients have shown or hidden FastMCP keeps by their name, or says that they have none.
"""

import logging
from collections.abc import Callable

from fastmcp import Context
from fastmcp.exceptions import ToolError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

logger = logging.getLogger(__name__)

_STATE = "set_state"
_FAILS = (
    "ctx.set_state keeps a value in the client's session, and protocol 2026-07-28 has no sessions: "
    "the value would be lost after this call. Next: use UserSession for callers with a token, or a "
    "parameter `session_id: SessionId`, which the client passes (docs/state.md). For a value that "
    "only this call needs, use ctx.set_state(…, serializable=False)."
)
_FOR_STATE = (
    "use UserSession or SessionId instead (docs/state.md), or, if all its clients are of 2025-11-25 "
    "or older, set MCP_STATELESS_HTTP=false"
)
_SESSIONS = "for clients up to 2025-11-25 set MCP_STATELESS_HTTP=false (docs/sessions.md)"


def warn_once(*, has_sessions: bool) -> Callable[[Context, str], None]:
    """To be called with the context and the method each time that a tool keeps something by it."""
    warned: set[tuple[str, str, str]] = set()

    def warn(context: Context, kept_by: str) -> None:
        request_context = context.request_context
        if (
            request_context is None or request_context.request is None
        ):  # a job, whose state lasts as long as it does
            return
        if request_context.protocol_version in MODERN_PROTOCOL_VERSIONS:
            if kept_by == _STATE:
                raise ToolError(_FAILS)
            return
        method, name = request_context.request.scope.get("state", {}).get("mcp", ("-", "-"))
        if has_sessions or (method, name, kept_by) in warned:
            return
        warned.add((method, name, kept_by))
        logger.warning(
            "%s %r keeps something by ctx.%s, which is gone after the call: there are no "
            "sessions. Next: %s",
            method,
            name,
            kept_by,
            _FOR_STATE if kept_by == _STATE else _SESSIONS,
        )

    return warn
