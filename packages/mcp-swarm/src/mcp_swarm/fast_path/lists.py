"""``tools/list`` and the other lists: encoded once per protocol version and set of permissions.

A cached list serves all callers that may see the same components, until the components change. If a
middleware overrides a list's hook, that list is not cached.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from fastmcp import Context, FastMCP
from fastmcp.server.middleware import Middleware, MiddlewareContext
from fastmcp.server.middleware.dereference import DereferenceRefsMiddleware

from mcp_swarm.fast_path.chain import Chains
from mcp_swarm.framework import catalogue as framework_catalogue
from mcp_swarm.framework.request import RequestContext, handled
from mcp_swarm.framework.wire import encode
from mcp_swarm.telemetry.tracing import component_span

# Method → beginning of its components' keys, the middleware hook, FastMCP's own way to list.
_KINDS = {
    "tools/list": ("tool:", "on_list_tools", "list_tools"),
    "resources/list": ("resource:", "on_list_resources", "list_resources"),
    "resources/templates/list": (
        "template:",
        "on_list_resource_templates",
        "list_resource_templates",
    ),
    "prompts/list": ("prompt:", "on_list_prompts", "list_prompts"),
}
# Maximum number of cached lists; beyond it the oldest is dropped.
_KEPT = 64

_Key = tuple[str, str, tuple[bool, ...]]


class Lists:
    """Answers the four lists from a cache."""

    def __init__(self, mcp: FastMCP) -> None:
        self.mcp = mcp
        self._kept: dict[_Key, tuple[Sequence[Any], bytes]] = {}
        self._state: tuple[Any, ...] = ()
        self._guarded: dict[str, list[Any]] = {}
        self._chains = Chains(
            mcp, dict.fromkeys(_KINDS, self._listed), left_out=DereferenceRefsMiddleware
        )

    async def answer(self, request: RequestContext, context: Context) -> bytes:
        """Returns the encoded result."""
        method = request.method
        if not self._may_keep(method):
            return encode(await handled(request))
        allowed = [await framework_catalogue.may_use(c) for c in self._guarded[method]]
        key = (method, request.protocol_version, tuple(allowed))
        kept = self._kept.get(key)
        if kept is None:
            kept = await self._made(key, request)
            return kept[1]
        asked: Any = types.ListToolsRequest(method="tools/list") if method == "tools/list" else {}
        message = _Listing(message=asked, method=method, fastmcp_context=context, kept=kept[0])
        listed = await self._chains.of(method)(message)
        # If a middleware returned another list, that one counts.
        return kept[1] if listed is kept[0] else encode(await handled(request))

    async def _made(self, key: _Key, request: RequestContext) -> tuple[Sequence[Any], bytes]:
        encoded = encode(await handled(request.of_nobody()))
        components = await getattr(self.mcp, _KINDS[key[0]][2])(run_middleware=False)
        if len(self._kept) >= _KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (components, encoded)
        return self._kept[key]

    def _may_keep(self, method: str) -> bool:
        if (state := framework_catalogue.catalogue_state(self.mcp)) != self._state:
            self._kept.clear()
            self._state = state
            components = framework_catalogue.catalogue(self.mcp)
            self._guarded = {} if components is None else _guarded(components)
        return method in self._guarded and not self._has_a_say(method)

    def _has_a_say(self, method: str) -> bool:
        hook = _KINDS[method][1]
        return any(
            type(middleware) is not DereferenceRefsMiddleware
            and getattr(type(middleware), hook) is not getattr(Middleware, hook)
            for middleware in self.mcp.middleware
        )

    async def _listed(self, context: Any) -> Any:
        with component_span(self.mcp, context.method):
            return context.kept


@dataclass(kw_only=True, frozen=True)
class _Listing(MiddlewareContext[Any]):
    """A request for a list, and the cached list."""

    kept: Sequence[Any]


def _guarded(components: dict[str, Any]) -> dict[str, list[Any]]:
    """Returns, by method, the components that only some callers may see."""
    return {
        method: [
            c for key, c in components.items() if key.startswith(beginning) and c.auth is not None
        ]
        for method, (beginning, _, _) in _KINDS.items()
    }
