"""The server's MCP middleware as one chain per method, built once.

FastMCP builds the chain again for each message, with a wrapper for every hook of every middleware. Here
it only has the hooks that a middleware overrides; they run in the same order.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.middleware import Middleware, MiddlewareContext

Link = Callable[[MiddlewareContext[Any]], Awaitable[Any]]

_HOOKS = {
    "tools/call": "on_call_tool",
    "resources/read": "on_read_resource",
    "prompts/get": "on_get_prompt",
    "tools/list": "on_list_tools",
    "resources/list": "on_list_resources",
    "resources/templates/list": "on_list_resource_templates",
    "prompts/list": "on_list_prompts",
}


class Chains:
    """The chains of `mcp`'s middleware, built again when middleware was added.

    Args:
        ends: the function at the end of each method's chain.
        left_out: middleware whose work `ends` do themselves.
    """

    def __init__(
        self, mcp: FastMCP, ends: dict[str, Link], left_out: type[Middleware] | None = None
    ) -> None:
        self.mcp = mcp
        self.ends = ends
        self.left_out = left_out
        self._made_of: list[Middleware] = []
        self._chains: dict[str, Link] = {}

    def of(self, method: str) -> Link:
        """Returns the chain of `method`."""
        if self._made_of != self.mcp.middleware:
            self._made_of = list(self.mcp.middleware)
            self._chains = {}
        chain = self._chains.get(method)
        if chain is None:
            chain = self._chains[method] = self._made(method)
        return chain

    def _made(self, method: str) -> Link:
        chain = self.ends[method]
        for middleware in reversed(self._made_of):
            if self.left_out is None or type(middleware) is not self.left_out:
                chain = _linked(middleware, method, chain)
        return chain


def _linked(middleware: Middleware, method: str, chain: Link) -> Link:
    kind = type(middleware)
    if kind.__call__ is not Middleware.__call__ or "_dispatch_handler" in vars(kind):
        return _link(middleware, chain)  # it does all by itself
    for name in (_HOOKS[method], "on_request", "on_message"):  # innermost first
        guards = name == "on_read_resource" and _has_own(middleware, "check_resource_access")
        if guards or _has_own(middleware, name):
            chain = _link(getattr(middleware, name), chain)
    return chain


def _has_own(middleware: Middleware, name: str) -> bool:
    return getattr(getattr(middleware, name), "__func__", None) is not getattr(Middleware, name)


def _link(hook: Callable[..., Awaitable[Any]], after: Link) -> Link:
    def link(context: MiddlewareContext[Any]) -> Awaitable[Any]:
        return hook(context, after)

    return link
