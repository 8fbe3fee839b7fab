"""``MCP_JSON_RESPONSE=auto``: the client's ``Accept`` decides how a call is answered.

Below, the server always streams. A client that takes JSON only gets the result as JSON; one that
takes event streams gets one when the call uses it (progress, logs, questions, keep-alives), JSON
when the result is all there is, and its going away cancels the call.
"""

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from server.core import framework
from server.core.edge.accept.answers import Answer, JsonOnly, StreamIfUsed
from server.core.edge.accept.header import EVENTS, JSON, parse
from server.core.problem import problem

# Its answer is a stream and nothing else, whatever the client would rather have.
LISTEN = "subscriptions/listen"


class AcceptMiddleware:
    """Chooses the form of each answer to a POST on the MCP endpoint."""

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
            refusal = problem(
                406,
                "Not Acceptable",
                f"Accept is {headers.get('accept')!r}. Send Accept: {JSON}, {EVENTS}.",
            )
            await refusal(scope, receive, send)
            return
        form: type[Answer] = StreamIfUsed if accepted.streams else JsonOnly
        version = headers.get("mcp-protocol-version", "")
        modern = bool(version) and version not in HANDSHAKE_PROTOCOL_VERSIONS
        answer = form(send, by_status=modern)
        taken = {**_accepting(scope), framework.JSON_ONLY: not accepted.streams}
        await self.app(taken, answer.hears(receive), answer)


def _accepting(scope: Scope) -> Scope:
    """The request as if it took both, which the SDK demands of every client."""
    changed = {**scope, "headers": list(scope["headers"])}
    MutableHeaders(scope=changed)["accept"] = f"{JSON}, {EVENTS}"
    return changed
