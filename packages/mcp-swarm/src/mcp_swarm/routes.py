"""HTTP routes of the service's own beside /mcp, such as webhooks.

    from mcp_swarm import route

    @route("/webhooks/crm", methods=["POST"])
    async def changed(request: Request) -> Response: ...

With ``AUTH_ENABLED`` a route needs a token like /mcp does, unless it says ``public=True``.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, NamedTuple

from fastmcp import FastMCP
from starlette.requests import Request
from starlette.responses import Response

from mcp_swarm.discovery import modules
from mcp_swarm.errors import DiscoveryError

Handler = Callable[[Request], Awaitable[Response]]
# The attribute of a function that ``route`` sets.
_ROUTE = "_mcp_swarm_route"


class Route(NamedTuple):
    """The arguments of ``route``."""

    path: str
    methods: tuple[str, ...]
    public: bool


def route(
    path: str, methods: Sequence[str] = ("GET",), *, public: bool = False
) -> Callable[[Handler], Handler]:
    """Serves an async function of Starlette's Request at `path`.

    Args:
        path: in Starlette's form, such as ``/orders/{number:int}``.
        methods: the HTTP methods.
        public: whether it may be called without a token; then the path may have no parameters.

    Raises:
        ValueError: a public path has parameters.
    """
    if public and "{" in path:
        raise ValueError(f"the public path {path!r} has a parameter. Next: one path without it")

    def mark(function: Handler) -> Handler:
        setattr(function, _ROUTE, Route(path, tuple(methods), public))
        return function

    return mark


def serve_routes(mcp: FastMCP, package: str) -> list[str]:
    """Adds the routes that the modules of `package` define; returns the public paths.

    Raises:
        DiscoveryError: a module fails to import, or two functions have one path and method.
    """
    public = []
    seen: dict[tuple[str, str], str] = {}
    for found, function in _functions(package):
        for method in found.methods:
            there = f"{function.__module__}.{function.__name__}"
            other = seen.setdefault((found.path, method), there)
            if other != there:
                raise DiscoveryError(
                    f"{there}: {method} {found.path} is also served by {other}. "
                    "Next: give one of them another path."
                )
        mcp.custom_route(found.path, methods=list(found.methods))(function)
        if found.public:
            public.append(found.path)
    return public


def _functions(package: str) -> Iterator[tuple[Route, Any]]:
    for module in modules(package) if package else ():
        for value in vars(module).values():
            found = getattr(value, _ROUTE, None)
            if isinstance(found, Route) and value.__module__ == module.__name__:
                yield found, value
