"""Checks how an MCP endpoint answers wrong HTTP requests, which client libraries cannot send.

The expectations are those of Streamable HTTP in the protocols 2026-07-28 (modern) and 2025-11-25
(legacy).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx2

from mcp_swarm_load.check.access import Access, http_client
from mcp_swarm_load.check.findings import NotOfferedError, need
from mcp_swarm_load.traffic.calls import META, VERSIONS, Era

METHOD_NOT_FOUND, INVALID_PARAMS, PARSE_ERROR = -32601, -32602, -32700
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022

_ACCEPT = "application/json, text/event-stream"
_UNKNOWN_VERSION = "1999-01-01"
_PREFIX = "io.modelcontextprotocol"

Check = tuple[str, Callable[[], Awaitable[str]]]


class Wire:
    """Sends bare requests to one target in one era. `http` adds the caller's credentials, if any."""

    def __init__(self, http: httpx2.AsyncClient, access: Access, era: Era) -> None:
        self._http, self._access, self._url, self._era = http, access, access.url, era
        self._session: dict[str, str] = {}
        self.errors: list[str] = []

    def checks(self) -> Iterator[Check]:
        """Yields the (name, work) of every check of this era, in order."""
        if self._era == "legacy":
            yield "open a session", self.opens
        yield "refuse an unknown method", self.unknown_method
        yield "refuse an unknown version", self.unknown_version
        yield "refuse what is not JSON", self.not_json
        if self._era == "modern":
            yield "refuse header without body", self.header_mismatch
            yield "refuse another tool's name", self.name_mismatch
            yield "refuse missing headers", self.header_missing
            yield "refuse missing _meta", self.meta_missing
            yield "listings say how to cache", self.cache_hints
        yield "answer a GET", self.get
        yield "refuse a missing token", self.token_missing
        if self._era == "legacy":
            yield "close the session", self.closes

    async def opens(self) -> str:
        """Sends `initialize` of 2025-11-25 and keeps the session id, if there is one."""
        hello = {
            "protocolVersion": VERSIONS["legacy"],
            "capabilities": {},
            "clientInfo": {"name": "mcp-swarm-check", "version": "1"},
        }
        response, message = await self._post("initialize", hello)
        need("result" in message, _described(response))
        session = response.headers.get("mcp-session-id")
        if not session:
            return "stateless: no session id"
        self._session = {"Mcp-Session-Id": session}
        await self._send(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}), {})
        return f"{session[:12]}…"

    async def unknown_method(self) -> str:
        response, message = await self._post("no/such/method", {})
        wanted = {404} if self._era == "modern" else {200, 400, 404}
        return self._rejected(response, message, METHOD_NOT_FOUND, wanted)

    async def not_json(self) -> str:
        response = await self._send("{", {"Mcp-Method": "tools/list"})
        return self._rejected(response, _message(response), PARSE_ERROR, {400})

    async def header_mismatch(self) -> str:
        response, message = await self._post("tools/list", {}, {"Mcp-Method": "prompts/list"})
        return self._rejected(response, message, HEADER_MISMATCH, {400})

    async def name_mismatch(self) -> str:
        call = {"name": "one", "arguments": {}}
        response, message = await self._post("tools/call", call, {"Mcp-Name": "another"})
        return self._rejected(response, message, HEADER_MISMATCH, {400})

    async def header_missing(self) -> str:
        response, message = await self._post("tools/list", {}, {"Mcp-Method": ""})
        return self._rejected(response, message, HEADER_MISMATCH, {400})

    async def meta_missing(self) -> str:
        response, message = await self._post("tools/list", {"_meta": {}})
        return self._rejected(response, message, INVALID_PARAMS, {400})

    async def unknown_version(self) -> str:
        """Expects 400. The modern protocol also requires an error code and the supported versions."""
        if self._era == "legacy":
            response, _ = await self._post("ping", {}, {"MCP-Protocol-Version": _UNKNOWN_VERSION})
            need(response.status_code == 400, _described(response))
            return "400"
        meta = {**META, f"{_PREFIX}/protocolVersion": _UNKNOWN_VERSION}
        headers = {"MCP-Protocol-Version": _UNKNOWN_VERSION}
        response, message = await self._post("tools/list", {"_meta": meta}, headers)
        seen = self._rejected(response, message, UNSUPPORTED_VERSION, {400})
        need(VERSIONS["modern"] in str(message["error"].get("data")), _described(response))
        return seen

    async def cache_hints(self) -> str:
        """Expects `ttlMs` and `cacheScope`, which 2026-07-28 requires on every listing."""
        response, message = await self._post("tools/list", {})
        result = message.get("result", {})
        ttl, scope = result.get("ttlMs"), result.get("cacheScope")
        need(
            isinstance(ttl, int) and ttl >= 0 and scope in ("public", "private"),
            _described(response),
        )
        return f"ttlMs {ttl}, cacheScope {scope}"

    async def get(self) -> str:
        """Expects 405, or an event stream in a session of 2025-11-25."""
        headers = {**self._headers(), "Accept": "text/event-stream"}
        async with self._http.stream("GET", self._url, headers=headers) as response:
            kind = response.headers.get("content-type", "")
            if response.status_code == 200 and self._session:
                need(kind.startswith("text/event-stream"), f"200 {kind}")
                return "200, an event stream"
            need(response.status_code == 405, f"HTTP {response.status_code}")
            return "405"

    async def token_missing(self) -> str:
        """Expects 401 with a Bearer challenge for a call without a token (RFC 6750)."""
        if not self._access.is_authenticated:
            raise NotOfferedError("no --token is given")
        async with http_client(self._access.anonymous()) as stranger:
            response = await stranger.post(
                self._url, content=self._body("tools/list", {}), headers=self._headers("tools/list")
            )
        need(response.status_code == 401, _described(response))
        challenge = response.headers.get("www-authenticate", "")
        need(challenge.lower().startswith("bearer"), f"401, WWW-Authenticate {challenge!r}")
        return f"401, {challenge}"

    async def closes(self) -> str:
        if not self._session:
            raise NotOfferedError("no session is open")
        response = await self._http.delete(self._url, headers=self._headers())
        need(response.status_code in (200, 202, 204, 405), _described(response))
        return str(response.status_code)

    def _headers(self, method: str = "") -> dict[str, str]:
        headers = {
            "Accept": _ACCEPT,
            "Content-Type": "application/json",
            "MCP-Protocol-Version": VERSIONS[self._era],
            **self._session,
        }
        if self._era == "modern" and method:
            headers["Mcp-Method"] = method
        return headers

    def _body(self, method: str, params: dict[str, Any]) -> str:
        if self._era == "modern":
            params = {"_meta": META, **params}
        return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})

    async def _post(
        self, method: str, params: dict[str, Any], changes: dict[str, str] | None = None
    ) -> tuple[httpx2.Response, dict[str, Any]]:
        response = await self._send(
            self._body(method, params), {**self._headers(method), **(changes or {})}
        )
        return response, _message(response)

    async def _send(self, body: str, headers: dict[str, str]) -> httpx2.Response:
        """Sends the body. A header with an empty value is left out."""
        headers = {**self._headers(), **headers}
        headers = {name: value for name, value in headers.items() if value}
        return await self._http.post(self._url, content=body, headers=headers)

    def _rejected(
        self, response: httpx2.Response, message: dict[str, Any], code: int, statuses: set[int]
    ) -> str:
        error = message.get("error", {})
        self.errors += [str(error["message"])] if "message" in error else []
        need(response.status_code in statuses and error.get("code") == code, _described(response))
        return f"{response.status_code}, {code} {error.get('message')}"


def _message(response: httpx2.Response) -> dict[str, Any]:
    """Returns the JSON-RPC message of an answer, which is JSON or the last event of a stream."""
    text = response.text
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        events = [line[5:] for line in text.splitlines() if line.startswith("data:")]
        text = next((event for event in reversed(events) if event.strip()), "")
    try:
        message = json.loads(text)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _described(response: httpx2.Response) -> str:
    """Returns the status and the start of the body of an unexpected answer."""
    return f"HTTP {response.status_code} {response.text[:120]}"
