"""Additions to the SDK's in-process sessions (``memory://``).

- An unknown session is 404, and its client starts a new one. With several replicas and no sticky
  balancer that repeats for ever, so it is logged once.
- A session over the limit is 503, with the limit and Retry-After.
- A GET stream ends when the token that opened it expires.
"""

import logging
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_swarm.framework import sessions as framework_sessions
from mcp_swarm.sessions import http_errors, sse

logger = logging.getLogger(__name__)


class InMemory:
    """Wraps the SDK's sessions.

    Args:
        sessions: the SDK's ASGI app.
        manager: the SDK's manager, which keeps them.
        limit: maximum sessions in this process.
        share: maximum sessions of one caller.
    """

    def __init__(
        self, sessions: ASGIApp, *, manager: StreamableHTTPSessionManager, limit: int, share: int
    ) -> None:
        self._sessions = sessions
        self._manager = manager
        self._limit = limit
        self._share = share
        self._warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_full = False

        async def look(message: Message) -> None:
            nonlocal is_full
            if message["type"] == "http.response.start":
                is_full = message["status"] == 503
                if message["status"] == 404:
                    self._warn()
            if not is_full:
                await send(message)

        if self._has_its_share(scope):
            refused = http_errors.over_share("sessions", self._share, "MCP_SESSION_LIMIT")
            await refused.response()(scope, receive, send)
            return
        with self._while_token_lasts(scope):
            await self._sessions(scope, receive, look)
        if is_full:
            refused = http_errors.too_many("sessions", self._limit, "MCP_SESSION_LIMIT")
            await refused.response()(scope, receive, send)

    def _has_its_share(self, scope: Scope) -> bool:
        """Whether the request opens a session although its caller has reached its share."""
        user = scope.get("user")
        if scope["method"] != "POST" or not isinstance(user, AuthenticatedUser):
            return False
        if "mcp-session-id" in Headers(scope=scope):
            return False
        return framework_sessions.sessions_of(self._manager, user) >= self._share

    def _while_token_lasts(self, scope: Scope) -> AbstractContextManager[None]:
        if scope["method"] != "GET":
            return nullcontext()
        session = Headers(scope=scope).get("mcp-session-id", "")
        return sse.ended_with_token(
            scope, partial(framework_sessions.end_get_stream, self._manager, session)
        )

    def _warn(self) -> None:
        """Logs the warning, once per replica."""
        if not self._warned:
            self._warned = True
            logger.warning(
                "a client named a session that this replica does not know: it has ended, or it is "
                "in the memory of another replica. Next: with several replicas set "
                "REDIS_URL=redis://…, so that each serves every session, or use a sticky balancer "
                "(docs/patterns.md)"
            )
