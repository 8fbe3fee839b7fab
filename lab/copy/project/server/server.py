"""The ASGI app: HTTP middleware of yours. ``server.server:app`` is it for any ASGI server."""

from typing import Any

from starlette.middleware import Middleware

from mcp_swarm.serve import Service, build_app, make_app
from server import mcp_app
from server.app.region import RegionMiddleware
from server.config import Settings, settings

# A file in this package is served at the next start: HTTP routes beside /mcp.
ROUTES = "server.routes"
# Outermost first. They stand inside those of mcp-swarm: behind authentication and body limits.
MIDDLEWARE = (Middleware(RegionMiddleware, region="north"),)


def build(settings: Settings) -> Service:
    """Returns the ASGI app of one replica."""
    return build_app(settings, mcp_app.build(settings), ROUTES, MIDDLEWARE)


def __getattr__(name: str) -> Any:
    if name != "app":  # made when it is asked for, so that an import has no effects
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return make_app(build, settings())
