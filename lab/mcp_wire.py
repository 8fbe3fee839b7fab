"""MCP by hand, in both eras: what a request is made of stands in the test, not in a client."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import httpx2

Era = Literal["modern", "legacy"]
ERAS: tuple[Era, ...] = ("modern", "legacy")
MODERN, LEGACY = "2026-07-28", "2025-11-25"
BOTH = "application/json, text/event-stream"

_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
}


def request(method: str, era: Era = "modern", request_id: Any = 1, **params: Any) -> dict[str, Any]:
    """Headers and JSON of one request, as keyword arguments of httpx2's `post`."""
    headers = {"Accept": BOTH, "Content-Type": "application/json"}
    if era == "modern":
        headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        if method in _NAMED_BY:
            headers["Mcp-Name"] = str(params.get(_NAMED_BY[method]))
        params["_meta"] = {**_META, **params.get("_meta", {})}
    else:
        headers["MCP-Protocol-Version"] = LEGACY
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": request_id, "method": method}
    if params:
        body["params"] = params
    return {"headers": headers, "json": body}


def call(tool: str, era: Era = "modern", **arguments: Any) -> dict[str, Any]:
    """A request for `tools/call`."""
    return request("tools/call", era, name=tool, arguments=arguments)


def with_headers(made: dict[str, Any], **headers: str) -> dict[str, Any]:
    """A request with more headers; underscores in their names stand for dashes."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return {**made, "headers": {**made["headers"], **more}}


def events(text: str) -> Iterator[dict[str, Any]]:
    """The messages of an event stream."""
    for line in text.splitlines():
        if line.startswith("data:") and (data := line.removeprefix("data:").strip()):
            yield json.loads(data)


async def stream(response: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    """The messages of an event stream that is still open."""
    async for line in response.aiter_lines():
        for message in events(line):
            yield message


def answer(response: httpx2.Response) -> dict[str, Any]:
    """The one JSON-RPC response in an HTTP response of either kind."""
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        return [m for m in events(response.text) if "id" in m and "method" not in m][-1]
    found: dict[str, Any] = response.json()
    return found


def text(response: httpx2.Response) -> str:
    """The text of a tool's result."""
    return str(answer(response)["result"]["content"][0]["text"])


def is_error(response: httpx2.Response) -> bool:
    return bool(answer(response)["result"].get("isError"))
