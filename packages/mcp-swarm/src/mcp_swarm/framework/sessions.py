"""Sessions of clients up to 2025-11-25: where the SDK and FastMCP keep them, and can be had not to."""

from collections.abc import Callable
from typing import Any, Protocol

import mcp_types as types
from fastmcp import FastMCP
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, authorization_context
from mcp.server.session import ServerSession
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import ASGIApp


class Subscriptions(Protocol):
    """Handlers for clients with sessions that want to hear of changes."""

    async def subscribe(self, ctx: Any, params: types.SubscribeRequestParams) -> types.EmptyResult:
        """Of ``resources/subscribe``."""

    async def unsubscribe(
        self, ctx: Any, params: types.UnsubscribeRequestParams
    ) -> types.EmptyResult:
        """Of ``resources/unsubscribe``."""

    async def initialized(self, ctx: Any, params: types.NotificationParams) -> None:
        """Of ``notifications/initialized``."""


def serve_subscriptions(mcp: FastMCP, subscriptions: Subscriptions) -> None:
    """Answers ``resources/subscribe``, for which FastMCP has no handler and no seam."""
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
    """Calls `callback` when the connection of `session` closes, of which it is one request."""
    session._connection.exit_stack.callback(callback)


def serve_sessions(manager: StreamableHTTPSessionManager, endpoint: ASGIApp) -> None:
    """Has `endpoint` serve clients with sessions; the SDK keeps them in this process alone."""
    manager._handle_stateful_request = endpoint  # type: ignore[assignment,method-assign]


def wrap_sessions(
    manager: StreamableHTTPSessionManager, wrap: Callable[[ASGIApp], ASGIApp]
) -> None:
    """Puts `wrap` around the SDK's own sessions in this process."""
    serve_sessions(manager, wrap(manager._handle_stateful_request))


def end_get_stream(manager: StreamableHTTPSessionManager, session: str) -> None:
    """Ends the GET stream of a session in this process cleanly, if there is one."""
    if transport := manager._server_instances.get(session):
        transport.close_standalone_sse_stream()


def lifespan_state(manager: StreamableHTTPSessionManager) -> Any:
    """What the server's lifespan gave, which the SDK hands to every call."""
    return manager._lifespan_state


def limit_sessions(manager: StreamableHTTPSessionManager, max_sessions: int) -> None:
    """T18: FastMCP does not pass the SDK's limit of sessions on."""
    manager.max_sessions = max_sessions


def sessions_of(manager: StreamableHTTPSessionManager, user: AuthenticatedUser) -> int:
    """How many sessions in this process are of that user's."""
    owner = authorization_context(user)
    return sum(known == owner for known in manager._session_owners.values())


def keep_log_levels(mcp: FastMCP, levels: dict[str, Any]) -> None:
    """Has FastMCP look up a session's log level in `levels` in place of its own memory."""
    mcp._client_log_levels = levels


def rules_name(session: str) -> tuple[str, str]:
    """Collection and key under which FastMCP keeps what is shown or hidden for a session."""
    return "fastmcp_state", f"{session}:_visibility_rules"
