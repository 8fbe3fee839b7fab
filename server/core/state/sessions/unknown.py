"""Sessions in this process (``memory://``): what the SDK leaves unsaid when it refuses one.

An unknown one is answered 404 and its client begins anew, as it should when the session has ended.
With several replicas and nobody who keeps a client to its own, that goes on for ever: the operator
is told. One too many is answered 503: the client is told the limit, and when to come again.
"""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.core.state.sessions import refusal

logger = logging.getLogger(__name__)


class TellUnknownSessions:
    """Says in the log, once a replica, that a client named a session that is not known here.

    Args:
        sessions: the SDK's.
        most: that may be open here.
    """

    def __init__(self, sessions: ASGIApp, most: int) -> None:
        self._sessions = sessions
        self._most = most
        self._told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_full = False

        async def look(message: Message) -> None:
            nonlocal is_full
            if message["type"] == "http.response.start":
                is_full = message["status"] == 503
                if message["status"] == 404:
                    self._tell()
            if not is_full:
                await send(message)

        await self._sessions(scope, receive, look)
        if is_full:
            refused = refusal.too_many("sessions", self._most, "MCP_SESSION_LIMIT")
            await refused.response()(scope, receive, send)

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            logger.warning(
                "a client named a session that this replica does not know: it has ended, or "
                "another replica has it in its memory. Next: with several replicas set "
                "REDIS_URL=redis://…, so that each serves every session, or have the balancer "
                "keep clients to theirs (docs/patterns.md, sticky)"
            )
