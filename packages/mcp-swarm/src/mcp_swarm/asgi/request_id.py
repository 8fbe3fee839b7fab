"""Request ids: keeps a valid ``X-Request-Id`` of the caller and replaces any other.

The id is in every log line of the request and in the response.
"""

import os
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_swarm.telemetry.logs import request_id

# Characters that are safe in a log line; others could forge one.
_SANE = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class RequestIdMiddleware:
    """Gives each HTTP request an id, in ``logs.request_id`` and as ``X-Request-Id``."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        id_ = b""
        for key, value in scope["headers"]:
            if key == b"x-request-id":
                id_ = value
                break
        if not _SANE.fullmatch(id_):
            id_ = os.urandom(8).hex().encode()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", id_)]
            await send(message)

        token = request_id.set(id_.decode())
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            request_id.reset(token)
