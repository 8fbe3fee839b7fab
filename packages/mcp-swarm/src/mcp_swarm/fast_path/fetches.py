"""``resources/read`` and ``prompts/get`` on the fast path: finds plain functions in a table.

FastMCP's own handler serves resource templates, and all else that is not in the table.
"""

import base64
import logging
from typing import Any

import mcp_types as types
from fastmcp import Context, FastMCP
from fastmcp.exceptions import (
    DisabledError,
    FastMCPError,
    NotFoundError,
    PromptError,
    ResourceError,
    to_mcp_error,
)
from fastmcp.prompts.base import InputRequiredPromptResult, PromptResult
from fastmcp.prompts.function_prompt import FunctionPrompt
from fastmcp.resources.base import InputRequiredResourceResult, ResourceResult
from fastmcp.resources.function_resource import FunctionResource
from fastmcp.server.middleware import MiddlewareContext
from fastmcp.server.transforms.visibility import is_enabled
from fastmcp.utilities.exceptions import get_http_status_code, is_timeout_error
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcp_swarm.fast_path.chain import Chains
from mcp_swarm.framework import catalogue as framework_catalogue
from mcp_swarm.framework.request import RequestContext
from mcp_swarm.telemetry.tracing import component_span

# The logger that FastMCP itself uses for failing functions.
logger = logging.getLogger("fastmcp.server.server")

_EMPTY: dict[str, Any] = {
    "resources/read": types.ReadResourceResult(contents=[]),
    "prompts/get": types.GetPromptResult(messages=[]),
}


class Fetches:
    """Answers for the resources and prompts in its table."""

    def __init__(self, mcp: FastMCP) -> None:
        self.mcp = mcp
        self._chains = Chains(mcp, {"resources/read": self._read, "prompts/get": self._render})
        self._table: dict[tuple[str, str], Any] = {}
        self._state: tuple[Any, ...] = ()
        self._shapes: dict[tuple[str, str], dict[str, Any]] = {}

    def find(self, method: str, name: str) -> Any:
        """Returns the resource or prompt, if it is in the table."""
        if (state := framework_catalogue.catalogue_state(self.mcp)) != self._state:
            self._table, self._state = _table(self.mcp), state
        return self._table.get((method, name))

    async def answer(self, request: RequestContext, context: Context) -> dict[str, Any]:
        """Calls the function inside the MCP middleware; returns the result for the client.

        Raises:
            MCPError: an error of the function or of middleware.
        """
        assert request.params is not None
        method, params = request.method, request.params
        asked: Any
        if method == "resources/read":
            asked = types.ReadResourceRequestParams(uri=params["uri"])
        else:
            asked = types.GetPromptRequestParams(
                name=params["name"], arguments=params.get("arguments")
            )
        message = MiddlewareContext(message=asked, method=method, fastmcp_context=context)
        try:
            result = await self._chains.of(method)(message)
        except (DisabledError, NotFoundError) as error:
            raise _not_found(method, params) from error
        except FastMCPError as error:
            raise to_mcp_error(error) from error
        if isinstance(result, InputRequiredResourceResult | InputRequiredPromptResult):
            if request.protocol_version not in MODERN_PROTOCOL_VERSIONS:
                raise MCPError(types.INVALID_PARAMS, _no_rounds(request))
            return await request.wire(result.input_required)
        parts = _contents(result, params) if method == "resources/read" else _messages(result)
        if parts is not None:
            return {**await self._shape(request), **parts}
        if isinstance(result, ResourceResult):
            return await request.wire(result.to_mcp_result(params["uri"]))
        return await request.wire(result.to_mcp_prompt_result())

    async def _shape(self, request: RequestContext) -> dict[str, Any]:
        """Returns an empty result of the framework: all but the contents is always the same."""
        key = request.method, request.protocol_version
        if key not in self._shapes:
            self._shapes[key] = await request.wire(_EMPTY[request.method])
        return self._shapes[key]

    async def _read(self, context: MiddlewareContext[types.ReadResourceRequestParams]) -> Any:
        uri = str(context.message.uri)
        resource = self.find("resources/read", uri)
        if resource is None:  # a middleware chose another one
            return await self.mcp.read_resource(uri, run_middleware=False)
        with component_span(self.mcp, "resources/read", uri, resource):
            try:
                return resource.convert_result(await resource.read())
            except Exception as error:
                client_error = _client_error(
                    error, f"Error reading resource {uri!r}", self.mcp, ResourceError
                )
                if client_error is error:  # its cause is its own
                    raise
                raise client_error from error

    async def _render(self, context: MiddlewareContext[types.GetPromptRequestParams]) -> Any:
        name, arguments = context.message.name, context.message.arguments
        prompt = self.find("prompts/get", name)
        if prompt is None:
            return await self.mcp.render_prompt(name, arguments, run_middleware=False)
        with component_span(self.mcp, "prompts/get", name, prompt):
            try:
                return prompt.convert_result(await prompt.render(arguments))
            except Exception as error:
                client_error = _client_error(
                    error, f"Error rendering prompt {name!r}", self.mcp, PromptError
                )
                if client_error is error:
                    raise
                raise client_error from error


def _table(mcp: FastMCP) -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {}
    for component in (framework_catalogue.catalogue(mcp) or {}).values():
        if type(component) is FunctionResource:
            name = "resources/read", str(component.uri)
        elif type(component) is FunctionPrompt:
            name = "prompts/get", component.name
        else:
            continue
        plain = component.version is None and not component.task_config.supports_tasks()
        if plain and is_enabled(component) and not name[1].startswith("ui://"):
            found[name] = component
    return found


def _client_error(error: Exception, what: str, mcp: FastMCP, kind: type[FastMCPError]) -> Exception:
    """Logs the error of a function; returns the error that the client may see."""
    if isinstance(error, FastMCPError):
        logger.log(error.log_level, what, exc_info=error)
        return error
    logger.error(what, exc_info=error)
    if isinstance(error, MCPError):
        return error
    if kind is ResourceError:
        if get_http_status_code(error) == 429:
            return kind("Rate limited by upstream API, please retry later")
        if is_timeout_error(error):
            return kind("Upstream request timed out, please retry")
    return kind(what if framework_catalogue.masks_errors(mcp) else f"{what}: {error}")


def _not_found(method: str, params: dict[str, Any]) -> MCPError:
    if method == "prompts/get":
        return to_mcp_error(NotFoundError(f"Unknown prompt: {params['name']!r}"))
    uri = params["uri"]
    return MCPError(types.INVALID_PARAMS, f"Resource not found: {uri!r}", data={"uri": uri})


def _no_rounds(request: RequestContext) -> str:
    assert request.params is not None
    kind, name = ("Resource", "uri") if request.method == "resources/read" else ("Prompt", "name")
    return (
        f"{kind} {request.params[name]!r} returned an InputRequiredResult to request client "
        "input, but the multi-round-trip result type (SEP-2322) only exists at MCP 2026-07-28; "
        f"this connection negotiated {request.protocol_version!r}."
    )


def _contents(result: Any, params: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the contents of a resource, if they are only text and bytes."""
    if type(result) is not ResourceResult or result.meta is not None:
        return None
    made = []
    for item in result.contents:
        if item.meta is not None:
            return None
        if isinstance(item.content, str):
            content, kind = {"text": item.content}, item.mime_type or "text/plain"
        else:
            content = {"blob": base64.b64encode(item.content).decode()}
            kind = item.mime_type or "application/octet-stream"
        made.append({**content, "mimeType": kind, "uri": params["uri"]})
    return {"contents": made}


def _messages(result: Any) -> dict[str, Any] | None:
    """Returns the messages of a prompt, if they are only text."""
    if type(result) is not PromptResult or result.meta is not None:
        return None
    made = []
    for message in result.messages:
        content = message.content
        if (
            type(content) is not types.TextContent
            or content.annotations
            or content.meta is not None
        ):
            return None
        made.append({"content": {"text": content.text, "type": "text"}, "role": message.role})
    payload: dict[str, Any] = {"messages": made}
    if result.description is not None:
        payload["description"] = result.description
    return payload
