"""The last resort: what nobody caught becomes a logged 500, and the connection lives on.

Without it the server would log the error outside its request, without an id, and close a kept
connection on which the caller's next request may already be under way.
"""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_swarm.isolation import is_cancelled
from mcp_swarm.problem import problem

logger = logging.getLogger(__name__)


class CrashMiddleware:
    """Answers 500 to a request whose handling raised; cuts it if an answer had begun."""

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
        except BaseException as error:  # whatever it was, the caller is answered, the log has it
            if is_cancelled(error):
                raise
            logger.exception("a request failed")
            if begun and not ended:
                raise  # half an answer: only cutting the connection tells the caller
            if not begun:
                detail = "The error is in the server's log under this response's X-Request-Id."
                await problem(500, "Internal Server Error", detail)(scope, receive, send)
