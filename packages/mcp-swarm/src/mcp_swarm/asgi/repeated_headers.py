"""Rejects a request that repeats a header on which decisions depend.

Programs differ in which of two values they use, so a client could evade a limit with the other one
(RFC 9110 §5.3 allows several values only for lists). The balancer does the same for the
headers that it uses.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_swarm.problem import problem

SINGLE = frozenset(
    {
        *(b"authorization", b"content-encoding", b"content-length", b"content-type", b"host"),
        *(b"idempotency-key", b"last-event-id", b"mcp-method", b"mcp-name", b"origin"),
        *(b"mcp-protocol-version", b"mcp-session-id", b"transfer-encoding"),
    }
)
# Each mirrors an argument of a tool.
ARGUMENT = b"mcp-param-"


class RepeatedHeadersMiddleware:
    """Answers 400 to a request with two values of a header in SINGLE, or of one for an argument."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            names = [name for name, _ in scope["headers"]]
            if len(names) != len(set(names)) and (name := _repeated(names)):
                detail = f"The header {name.decode('latin-1')!r} was sent twice. Send one value."
                await problem(400, "Bad Request", detail)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _repeated(names: list[bytes]) -> bytes | None:
    """Returns the first of `names` that may occur once and occurs twice."""
    seen: set[bytes] = set()
    for name in names:
        if name in seen and (name in SINGLE or name.startswith(ARGUMENT)):
            return name
        seen.add(name)
    return None
