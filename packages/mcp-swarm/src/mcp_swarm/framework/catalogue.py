"""The components that a FastMCP server serves, and checks for special features of them."""

from typing import Any

from fastmcp import Context, FastMCP
from fastmcp.prompts import Prompt
from fastmcp.resources import Resource, ResourceTemplate
from fastmcp.server.extensions import ServerExtension
from fastmcp.server.mixins.mcp_operations import _normalize_call_tool_result
from fastmcp.server.providers import LocalProvider
from fastmcp.server.providers.prefab_payload import payload_has_identities
from fastmcp.server.server import _component_auth_allows, _validation_error_summary
from fastmcp.server.transforms.visibility import get_visibility_rules
from fastmcp.tools.base import Tool, ToolResult
from fastmcp.utilities.components import FastMCPComponent
from fastmcp.utilities.tasks import TASKS_EXTENSION_ID
from pydantic import ValidationError


async def has_rules(context: Context) -> bool:
    """Returns whether this caller has visibility rules of its own (``ctx.enable_components``)."""
    if context.fastmcp._state_storage is None:  # no state was ever kept
        return False
    return bool(await get_visibility_rules(context))


async def may_use(component: Any) -> bool:
    """Returns whether the component's own `auth` admits the caller."""
    return component.auth is None or await _component_auth_allows(component)


def catalogue(mcp: FastMCP) -> dict[str, FastMCPComponent] | None:
    """Returns all components by key; None if some come from another provider or are transformed."""
    plain = all(type(p) is LocalProvider and not p._transforms for p in mcp.providers)
    if not plain or mcp._transforms or mcp._injected_tools():
        return None
    found: dict[str, FastMCPComponent] = {}
    for provider in mcp.providers:
        found |= provider._components if isinstance(provider, LocalProvider) else {}
    return found


def catalogue_state(mcp: FastMCP) -> tuple[Any, ...]:
    """Returns a value that changes when components, providers or transforms change."""
    state: list[Any] = [len(mcp.providers), len(mcp._transforms), len(mcp._extensions)]
    for provider in mcp.providers:
        components: dict[str, Any] = getattr(provider, "_components", {})
        # A replaced component is the last one. Components are equal if their fields are, but their
        # bound methods only if they are the same object, which this value keeps alive.
        last = next(reversed(components.values()), None)
        state += (len(components), last.__repr__, len(provider._transforms))
    return tuple(state)


class ComponentNames:
    """Names of components as a bounded set, whatever callers send.

    Components that another server provides, or that are transformed, are unknown here.
    """

    UNKNOWN = "unknown"

    def __init__(self, mcp: FastMCP) -> None:
        self._mcp = mcp
        self._state: tuple[Any, ...] = ()
        self._known: set[tuple[str, str]] = set()
        self._templates: list[ResourceTemplate] = []

    def of(self, method: str, name: str) -> str:
        """Returns `name` if there is such a component, the template that it matches, or "unknown"."""
        if (state := catalogue_state(self._mcp)) != self._state:
            self._read()
            self._state = state
        if (method, name) in self._known:
            return name
        if method == "resources/read":
            for template in self._templates:
                if template.matches(name) is not None:
                    return template.uri_template
        return self.UNKNOWN

    def _read(self) -> None:
        components = (catalogue(self._mcp) or {}).values()
        self._templates = [c for c in components if isinstance(c, ResourceTemplate)]
        self._known = {("tools/call", c.name) for c in components if isinstance(c, Tool)}
        self._known |= {("prompts/get", c.name) for c in components if isinstance(c, Prompt)}
        self._known |= {
            ("resources/read", str(c.uri)) for c in components if isinstance(c, Resource)
        }


def intercepted(mcp: FastMCP) -> bool:
    """Returns whether an extension other than that of tasks intercepts calls."""
    return any(
        type(extension).intercept_tool_call is not ServerExtension.intercept_tool_call
        and extension.identifier != TASKS_EXTENSION_ID
        for extension in mcp._extensions.values()
    )


def has_header_schema(mcp: FastMCP, tool: str) -> bool:
    """Returns whether the SDK must compare ``Mcp-Param-*`` headers with this tool's arguments."""
    lookup = mcp._mcp_server.get_tool_input_schema
    return lookup is None or lookup(tool) is not None


def is_short_result(result: ToolResult) -> bool:
    """Returns whether the result is plain: not a proxy's, no input round, no payload of an app."""
    return (
        type(result) is ToolResult
        and result._raw_mcp_result is None
        and not payload_has_identities(result.structured_content)
    )


def masks_errors(mcp: FastMCP) -> bool:
    """Returns whether the server masks the errors of tools."""
    return bool(mcp._mask_error_details)


def server_info(mcp: FastMCP) -> dict[str, Any]:
    """Returns the server info that each result of protocol 2026-07-28 has in its ``_meta``."""
    return dict(mcp._mcp_server.server_info_stamp)


def summary(error: ValidationError) -> dict[str, Any]:
    """Returns what was wrong with a call's arguments, without values, for the log."""
    return _validation_error_summary(error)


async def sdk_result(mcp: FastMCP, result: Any) -> Any:
    """Returns a tool's result in the form that FastMCP's handler passes to the SDK."""
    if isinstance(result, ToolResult):
        result = await mcp._rebind_prefab_tool_names(result)
        return _normalize_call_tool_result(result.to_mcp_result())
    return result
