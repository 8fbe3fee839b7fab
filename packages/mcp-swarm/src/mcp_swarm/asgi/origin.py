"""Checks of Host and Origin, against DNS rebinding and foreign web pages.

Localhost is always allowed. ``MCP_ALLOWED_HOSTS`` adds the service's own names, and
``MCP_ALLOWED_ORIGINS`` the web pages of other origins. A balancer passes on the client's Host, so the
names are those that clients use. (Specification 2026-07-28, basic/transports/streamable-http,
Security: Origin MUST be validated, 403.)
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_swarm.problem import problem

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class OriginMiddleware:
    """Answers 421 to a Host that is not ours and 403 to an Origin that may not call."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], origins: Sequence[str]) -> None:
        self.app = app
        self.hosts = tuple(host_name(host) for host in hosts)
        self.origins = frozenset(written(origin) for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host, origin = "", ""
        for key, value in scope["headers"]:
            if key == b"host":
                host = value.decode("latin-1").lower()
            elif key == b"origin":
                origin = value.decode("latin-1").lower()
        if not self.is_own(host, scope):
            await problem(
                421,
                "Misdirected Request",
                f"Host {host!r} is not served here. Name it in MCP_ALLOWED_HOSTS.",
            )(scope, receive, send)
        elif origin and not self.may_call(origin, host):
            await problem(
                403,
                "Forbidden Origin",
                f"Origin {origin!r} may not call. Name it in MCP_ALLOWED_ORIGINS.",
            )(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def is_own(self, host: str, scope: Scope) -> bool:
        """Returns whether `host` (a Host header) names this service, with any port."""
        name = host_name(host)
        if name in LOOPBACK or any(fnmatchcase(name, own) for own in self.hosts):
            return True
        # The address that the connection came to cannot be a rebound name.
        server = scope.get("server")
        return bool(server and name and name == server[0])

    def may_call(self, origin: str, host: str) -> bool:
        """Returns whether a page of `origin` may call: an allowed one, our own, or localhost to itself."""
        if origin in self.origins or "*" in self.origins:
            return True
        try:
            page = urlsplit(origin)
            page_name = page.hostname or ""
        except ValueError:
            return False
        # Without the scheme: behind a balancer that ends TLS it is http here and https in the page.
        same = bool(host) and page.netloc == host
        return same or (page_name in LOOPBACK and host_name(host) in LOOPBACK)


def host_name(host: str) -> str:
    """Returns the name in a Host header without its port: ``[::1]:80`` → ``::1``."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def written(origin: str) -> str:
    """Returns `origin` as browsers write it: lower case, no slash at the end."""
    return origin.rstrip("/").lower()
