"""``X-Served-By``: the replica's name on every response, which shows how calls are spread.

``MCP_REPLICA`` names the replica (default: its host name). While it drains, responses also
say ``Connection: close``, so that clients that hold a connection open move to another replica.
"""

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ServedByMiddleware:
    """Adds the replica's name to every response, errors included."""

    def __init__(self, app: ASGIApp, replica: str, is_draining: Callable[[], bool]) -> None:
        self.app = app
        self.is_draining = is_draining
        self.header = (b"x-served-by", replica.encode("latin-1"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_name(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), self.header]
                if self.is_draining():
                    headers = [h for h in headers if h[0].lower() != b"connection"]
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            await send(message)

        await self.app(scope, receive, send_with_name)
