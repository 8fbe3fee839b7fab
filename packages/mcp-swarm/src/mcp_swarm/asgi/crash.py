"""Turns an uncaught exception into a logged 500, and keeps the connection open.

Without it uvicorn logs the error outside its request, without an id, and closes a kept connection on
which the caller's next request may already be on its way.
"""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_swarm.isolation import is_cancelled
from mcp_swarm.problem import problem

logger = logging.getLogger(__name__)


class CrashMiddleware:
    """Answers 500 to a request that raised; cuts the connection if the response has begun."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = ended = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun, ended
            await send(message)
            begun = True
            ended = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            await self.app(scope, receive, send_and_note)
        except BaseException as error:  # the caller gets a response, the log the error
            if is_cancelled(error):
                raise
            logger.exception("a request failed")
            if begun and not ended:
                raise  # half a response: only a cut connection shows the caller that it failed
            if not begun:
                detail = "The error is in the server's log under this response's X-Request-Id."
                await problem(500, "Internal Server Error", detail)(scope, receive, send)
