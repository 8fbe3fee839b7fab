"""Hooks into the sessions of the SDK and FastMCP, which have no public ones: protocol 2025-11-25 and older.

The SDK keeps sessions in the process. Here they are replaced, wrapped, limited and counted.
"""

from collections.abc import Callable
from typing import Any, Protocol

import mcp_types as types
from fastmcp import FastMCP
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, authorization_context
from mcp.server.session import ServerSession
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import ASGIApp


class Subscriptions(Protocol):
    """Handlers for the subscriptions of clients with sessions."""

    async def subscribe(self, ctx: Any, params: types.SubscribeRequestParams) -> types.EmptyResult:
        """Handles ``resources/subscribe``."""

    async def unsubscribe(
        self, ctx: Any, params: types.UnsubscribeRequestParams
    ) -> types.EmptyResult:
        """Handles ``resources/unsubscribe``."""

    async def initialized(self, ctx: Any, params: types.NotificationParams) -> None:
        """Handles ``notifications/initialized``."""


def serve_subscriptions(mcp: FastMCP, subscriptions: Subscriptions) -> None:
    """Serves ``resources/subscribe``, for which FastMCP has neither a handler nor a hook."""
    server = mcp._mcp_server
    server.add_request_handler(
        "resources/subscribe", types.SubscribeRequestParams, subscriptions.subscribe
    )
    server.add_request_handler(
        "resources/unsubscribe", types.UnsubscribeRequestParams, subscriptions.unsubscribe
    )
    server.add_notification_handler(
        "notifications/initialized", types.NotificationParams, subscriptions.initialized
    )


def when_session_ends(session: ServerSession, callback: Callable[[], None]) -> None:
    """Calls `callback` when the connection that the session object belongs to closes."""
    session._connection.exit_stack.callback(callback)


def serve_sessions(manager: StreamableHTTPSessionManager, endpoint: ASGIApp) -> None:
    """Serves clients with sessions by `endpoint`, instead of the SDK's in-process sessions."""
    manager._handle_stateful_request = endpoint  # type: ignore[assignment,method-assign]


def wrap_sessions(
    manager: StreamableHTTPSessionManager, wrap: Callable[[ASGIApp], ASGIApp]
) -> None:
    """Wraps the SDK's in-process sessions."""
    serve_sessions(manager, wrap(manager._handle_stateful_request))


def end_get_stream(manager: StreamableHTTPSessionManager, session: str) -> None:
    """Ends the GET stream of an in-process session in order, if there is one."""
    if transport := manager._server_instances.get(session):
        transport.close_standalone_sse_stream()


def lifespan_state(manager: StreamableHTTPSessionManager) -> Any:
    """Returns the state of the server's lifespan, which the SDK passes to every call."""
    return manager._lifespan_state


def limit_sessions(manager: StreamableHTTPSessionManager, max_sessions: int) -> None:
    """T18: sets the SDK's limit of sessions, for which FastMCP has no option."""
    manager.max_sessions = max_sessions


def sessions_of(manager: StreamableHTTPSessionManager, user: AuthenticatedUser) -> int:
    """Returns how many in-process sessions the user has."""
    owner = authorization_context(user)
    return sum(known == owner for known in manager._session_owners.values())


def keep_log_levels(mcp: FastMCP, levels: dict[str, Any]) -> None:
    """Replaces FastMCP's store of log levels by `levels`."""
    mcp._client_log_levels = levels


def rules_name(session: str) -> tuple[str, str]:
    """Returns collection and key under which FastMCP stores a session's visibility rules."""
    return "fastmcp_state", f"{session}:_visibility_rules"
