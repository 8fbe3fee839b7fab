"""Quotas: one caller's share of a limit, and the bytes that are kept for one caller."""

import json
from typing import TYPE_CHECKING, Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

if TYPE_CHECKING:
    from mcp_swarm.config import Settings

# Largest part of a request, as JSON, that is kept longer than the request runs: capabilities and
# client info of a session or a job. Clients of the field send some hundred bytes.
MAX_KEPT_BYTES = 16 * 1024

# One caller has at most this part of a limit that all callers share: it cannot lock the others out.
PART = 4


def share(limit: int, settings: "Settings") -> int:
    """What one caller may have of `limit`: a quarter, though of small limits at least four.

    All of it without auth, and with the one token of AUTH_TOKEN: nobody can tell callers apart.
    """
    return max(min(limit, PART), limit // PART) if settings.auth_tokens_file else limit


def check_kept(value: Any, what: str) -> None:
    """Rejects `value` if it is too large to be kept.

    Args:
        value: JSON.
        what: its name in the error.

    Raises:
        MCPError: -32602, it has more than ``MAX_KEPT_BYTES``.
    """
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    if size > MAX_KEPT_BYTES:
        raise MCPError(
            INVALID_PARAMS,
            f"{what} has {size:,} characters of JSON; at most {MAX_KEPT_BYTES:,} are kept. Next: "
            "leave out what the server does not need, such as icons and experimental capabilities.",
        )


async def refuse_large(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """SDK middleware: rejects requests that would make the server keep much data for long.

    ``initialize`` is kept as long as its session, ``subscriptions/listen`` as long as its stream.
    """
    if ctx.method == "initialize":
        check_kept(ctx.params, "params of initialize")
    elif ctx.method == "subscriptions/listen":
        check_kept((ctx.params or {}).get("_meta"), "_meta of subscriptions/listen")
    return await call_next(ctx)
