"""HTTP middleware: every answer says in which region it was made."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class RegionMiddleware:
    """Adds ``X-Region`` to every response."""

    def __init__(self, app: ASGIApp, region: str) -> None:
        self.app = app
        self.region = region.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_region(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-region", self.region)]
            await send(message)

        await self.app(scope, receive, send_with_region)
