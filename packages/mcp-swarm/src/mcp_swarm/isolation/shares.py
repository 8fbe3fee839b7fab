"""Quotas: one caller's share of a limit, and the size of data that is kept for one request."""

import json
from typing import TYPE_CHECKING, Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

if TYPE_CHECKING:
    from mcp_swarm.config import AuthSettings

# Maximum size, as JSON, of a part of a request that outlives it: capabilities and client info of a
# session or a job. Real clients send some hundred bytes.
MAX_KEPT_BYTES = 16 * 1024

# One caller gets at most 1/PART of a limit that all callers share, so that it cannot lock out others.
PART = 4


def share(limit: int, settings: "AuthSettings") -> int:
    """Returns one caller's share of `limit`: a quarter, but at least four (or all of a smaller limit).

    Without AUTH_TOKENS_FILE callers cannot be told apart, so the share is the whole limit.
    """
    return max(min(limit, PART), limit // PART) if settings.auth_tokens_file else limit


def check_kept(value: Any, what: str) -> None:
    """Rejects `value` if it is too large to keep.

    Args:
        value: JSON.
        what: its name in the error.

    Raises:
        MCPError: -32602, it is larger than ``MAX_KEPT_BYTES``.
    """
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    if size > MAX_KEPT_BYTES:
        raise MCPError(
            INVALID_PARAMS,
            f"{what} has {size:,} characters of JSON; the maximum is {MAX_KEPT_BYTES:,}. Next: "
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
