"""Sessions of protocol 2025-11-25 and older (``MCP_STATELESS_HTTP=false``).

With ``memory://`` the SDK keeps them in this process. With ``redis://`` every replica serves them: see
``endpoint`` and docs/sessions.md. Clients of both are notified of published changes.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from fastmcp import FastMCP
from mcp_types import JSONRPCRequest

from mcp_swarm.config import Settings
from mcp_swarm.framework import sessions as framework_sessions
from mcp_swarm.isolation import shares
from mcp_swarm.sessions.subscriptions import Bus, LocalSubscriptions, MayRead

if TYPE_CHECKING:
    from mcp_swarm.redis import Store
    from mcp_swarm.sessions.endpoint import Endpoint

__all__ = ["serve_local", "serve_shared"]


def serve_local(mcp: FastMCP[Any], bus: Bus, may_read: MayRead) -> None:
    """Notifies the SDK's sessions in this process of the events of `bus`."""
    framework_sessions.serve_subscriptions(mcp, LocalSubscriptions(may_read, bus))


def serve_shared(
    mcp: FastMCP[Any],
    store: "Store",
    may_read: MayRead,
    repeatable: set[str],
    settings: Settings,
) -> "Endpoint":
    """Returns the endpoint for sessions that all replicas share.

    Args:
        mcp: the server.
        store: the shared Redis, with sessions.
        may_read: returns whether the caller of the current request may read a resource.
        repeatable: names of tools that may run again if their replica is lost.
        settings: of this replica.
    """
    from mcp_swarm.sessions.endpoint import Endpoint
    from mcp_swarm.sessions.replica import Replica
    from mcp_swarm.sessions.session import Levels
    from mcp_swarm.sessions.subscriptions.shared import SharedSubscriptions

    def may_repeat(request: JSONRPCRequest) -> bool:
        """Returns whether the request is safe to repeat. All but tools/call only read."""
        return request.method != "tools/call" or (request.params or {}).get("name") in repeatable

    if store.sessions is None:
        raise ValueError("the store has no session_ttl")
    framework_sessions.serve_subscriptions(mcp, SharedSubscriptions(may_read, store.sessions))
    framework_sessions.keep_log_levels(mcp, Levels())
    replica = Replica(
        store.sessions,
        store.waiting,
        may_repeat,
        ttl=settings.mcp_session_ttl,
        timeout=settings.mcp_call_timeout,
    )
    return Endpoint(
        replica,
        may_read,
        json_only=settings.mcp_json_response is True,
        max_sessions=settings.mcp_session_limit,
        max_streams=settings.mcp_stream_limit,
        share=partial(shares.share, settings=settings),
    )
