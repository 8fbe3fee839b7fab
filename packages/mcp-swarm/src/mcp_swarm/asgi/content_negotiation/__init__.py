"""Content negotiation: the client's ``Accept`` and ``MCP_JSON_RESPONSE`` choose the response's form.

With ``auto`` the client decides, and the inner server always streams. A client that accepts only JSON
gets the result as JSON. A client that accepts event streams gets one if the call uses it (progress,
logs, questions, keep-alives), else JSON. With ``true`` or ``false`` the server decides; a client that
does not accept that form gets 406, with what to send or to set.
"""

from mcp.server.streamable_http import check_accept_headers
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_swarm import framework
from mcp_swarm.asgi.content_negotiation.answers import Answer, JsonOnly, StreamIfUsed
from mcp_swarm.asgi.content_negotiation.header import EVENTS, JSON, parse
from mcp_swarm.problem import problem

# Its response is always a stream, whatever the client prefers.
LISTEN = "subscriptions/listen"


class ContentNegotiationMiddleware:
    """Chooses the form of each response to a POST on the MCP endpoint."""

    def __init__(self, app: ASGIApp, path: str = "/mcp") -> None:
        self.app = app
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != self.path:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        accepted = parse(headers.get("accept"))
        if headers.get("mcp-method") == LISTEN and accepted.events:
            await self.app(_accepting(scope), receive, send)
            return
        if not accepted.json or headers.get("mcp-method") == LISTEN:
            await _refusal(headers, f"{JSON}, {EVENTS}")(scope, receive, send)
            return
        form: type[Answer] = StreamIfUsed if accepted.streams else JsonOnly
        version = headers.get("mcp-protocol-version", "")
        modern = bool(version) and version not in HANDSHAKE_PROTOCOL_VERSIONS
        answer = form(send, by_status=modern)
        taken = {**_accepting(scope), framework.JSON_ONLY: not accepted.streams}
        await self.app(taken, answer.hears(receive), answer)


class NotAcceptableMiddleware:
    """Answers 406 with an explanation, which the framework's own 406 lacks.

    Args:
        app: the framework's.
        streams: whether clients must accept event streams too (``MCP_JSON_RESPONSE=false``).
        path: of the MCP endpoint.
    """

    def __init__(self, app: ASGIApp, *, streams: bool, path: str = "/mcp") -> None:
        self.app = app
        self.streams = streams
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == self.path:
            headers = Headers(scope=scope)
            takes_json, takes_streams = check_accept_headers(Request(scope))
            listens = headers.get("mcp-method") == LISTEN
            if not takes_json or (not takes_streams and (self.streams or listens)):
                await self._refusal(headers, listens)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refusal(self, headers: Headers, listens: bool) -> Response:
        if listens or not self.streams:
            return _refusal(headers, f"{JSON}, {EVENTS}" if listens else JSON)
        setting = "A client that accepts only JSON needs MCP_JSON_RESPONSE=auto on the server."
        return _refusal(headers, f"{JSON}, {EVENTS}", setting)


def _refusal(headers: Headers, expected: str, *next_step: str) -> Response:
    header = headers.get("accept")
    found = "There is no Accept header." if header is None else f"Accept is {header!r}."
    words = (found, f"Send Accept: {expected}.", *next_step)
    return problem(406, "Not Acceptable", " ".join(words))


def _accepting(scope: Scope) -> Scope:
    """Returns the request as if it accepted both forms, which the SDK requires of every client."""
    changed = {**scope, "headers": list(scope["headers"])}
    MutableHeaders(scope=changed)["accept"] = f"{JSON}, {EVENTS}"
    return changed
