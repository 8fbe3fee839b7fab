"""Serves a path with a trailing slash like the one without: ``/mcp/`` is ``/mcp``.

A redirect would lose what only the proxy knows: the scheme, and a prefix that it removes. Many
clients do not follow a redirect of a POST either.
"""

from collections.abc import Sequence

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send


class TrailingSlashMiddleware:
    """Removes the trailing slash of the path, unless a route has one.

    Args:
        app: the inner app.
        routes: of the app; a route that ends in a slash, and a mount, keep it.
    """

    def __init__(self, app: ASGIApp, *, routes: Sequence[BaseRoute]) -> None:
        self.app = app
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"][1:].endswith("/") and not self._is_met(scope):
            raw = scope.get("raw_path") or b""
            scope = {**scope, "path": scope["path"][:-1], "raw_path": raw.removesuffix(b"/")}
        await self.app(scope, receive, send)

    def _is_met(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is not Match.NONE for route in self.routes)
