"""Sessions in this process (``memory://``): tells the operator what an unknown one may mean.

Its client is answered 404 and begins anew, as it should when the session has ended. With several
replicas and nobody who keeps a client to its own, that goes on for ever.
"""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)


class TellUnknownSessions:
    """Says in the log, once a replica, that a client named a session that is not known here."""

    def __init__(self, sessions: ASGIApp) -> None:
        self._sessions = sessions
        self._told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def look(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 404:
                self._tell()
            await send(message)

        await self._sessions(scope, receive, send if self._told else look)

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            logger.warning(
                "a client named a session that this replica does not know: it has ended, or "
                "another replica has it in its memory. Next: with several replicas set "
                "REDIS_URL=redis://…, so that each serves every session, or have the balancer "
                "keep clients to theirs (docs/patterns.md, sticky)"
            )
