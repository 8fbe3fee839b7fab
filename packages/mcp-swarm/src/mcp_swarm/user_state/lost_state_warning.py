"""Warnings about state that a tool stores in its context although there is no session.

``ctx.set_state`` needs a session, which protocol 2026-07-28 does not have: there it raises an error
that says what to use. With protocol 2025-11-25 and older a setting enables sessions
(``MCP_STATELESS_HTTP=false``). Without it a warning is logged once per tool, also for
``ctx.enable_components``, and the call goes on. With 2026-07-28 FastMCP itself stores visibility rules
by the client's name, or raises an error if it has none.
"""

import logging
from collections.abc import Callable

from fastmcp import Context
from fastmcp.exceptions import ToolError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcp_swarm.telemetry import call_record

logger = logging.getLogger(__name__)

_STATE = "set_state"
_FAILS = (
    "ctx.set_state stores a value in the client's session, and protocol 2026-07-28 has no sessions: "
    "the value would be lost after this call. Next: use UserSession for callers with a token, or a "
    "parameter `session_id: SessionId`, which the client passes (docs/state.md). For a value that "
    "only this call needs, use ctx.set_state(…, serializable=False)."
)
_FOR_STATE = (
    "use UserSession or SessionId instead (docs/state.md), or, if all its clients use protocol "
    "2025-11-25 or older, set MCP_STATELESS_HTTP=false"
)
_SESSIONS = (
    "for clients of protocol 2025-11-25 or older set MCP_STATELESS_HTTP=false (docs/sessions.md)"
)


def warn_once(*, has_sessions: bool) -> Callable[[Context, str], None]:
    """Returns a function that is called, with the context and its method, for each such call."""
    warned: set[tuple[str, str, str]] = set()

    def warn(context: Context, kept_by: str) -> None:
        request_context = context.request_context
        if request_context is None or request_context.request is None:
            return  # a job, whose state lasts as long as the job
        if request_context.protocol_version in MODERN_PROTOCOL_VERSIONS:
            if kept_by == _STATE:
                raise ToolError(_FAILS)
            return
        record = call_record.of(request_context.request.scope)
        method, name = record.method, record.name
        if has_sessions or (method, name, kept_by) in warned:
            return
        warned.add((method, name, kept_by))
        logger.warning(
            "%s %r stores something with ctx.%s, which is lost after the call: there are no "
            "sessions. Next: %s",
            method,
            name,
            kept_by,
            _FOR_STATE if kept_by == _STATE else _SESSIONS,
        )

    return warn
