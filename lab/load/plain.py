"""A plain FastMCP server without this project's code: `python -m lab.load.plain OPTION…`.

Options: stateful, stream, guarded (requires the token sesame-open), careless, says-200, empty,
picky (its only tool fails), broken (it raises), keyed (requires the header X-Door-Key: sesame),
tls=FILE. Prints its port once it listens.
"""

import socket
import sys
from typing import Annotated, Any

import uvicorn
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier
from pydantic import Field
from starlette.middleware import Middleware

OPTIONS = set(sys.argv[1:])
ERRORS: dict[str, Exception] = {
    "careless": ToolError('Traceback (most recent call last):\n  File "/app/x.py", line 1'),
    "broken": ConnectionError("no database"),
}


class Names:
    """Puts X-Served-By on every answer; with says-200 hides every error status."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if "keyed" in OPTIONS and scope["type"] == "http":
            if (b"x-door-key", b"sesame") not in scope["headers"]:
                await send({"type": "http.response.start", "status": 403, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return

        async def named(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-served-by", b"plain-1")]
                if "says-200" in OPTIONS and message["status"] in (400, 404, 405):
                    message["status"] = 200
            await send(message)

        await self.app(scope, receive, named if scope["type"] == "http" else send)


def made() -> FastMCP:
    tokens = {"sesame-open": {"client_id": "tester", "scopes": []}}
    auth = StaticTokenVerifier(tokens=tokens) if "guarded" in OPTIONS else None
    mcp: FastMCP = FastMCP("plain", auth=auth)
    if "empty" in OPTIONS:
        return mcp

    @mcp.tool(annotations={"destructiveHint": True})
    def wipe(what: str) -> str:
        """No check may call this unless it is asked to."""
        print(f"WIPED {what}", file=sys.stderr, flush=True)
        return "gone"

    @mcp.tool(annotations={"readOnlyHint": True})
    def refuses(region: Annotated[str, Field(pattern="^[a-z]+$", examples=["north"])]) -> str:
        """Fails always, so the checks must try another tool."""
        asked = [error for option, error in ERRORS.items() if option in OPTIONS]
        raise asked[0] if asked else ToolError(f"no sales in {region}")

    if "picky" in OPTIONS:
        return mcp

    @mcp.tool(annotations={"readOnlyHint": True})
    def add(
        a: int, b: Annotated[float, Field(ge=10)], where: Annotated[str, Field(max_length=3)]
    ) -> str:
        """Adds."""
        return f"{a + b} in {where}"

    @mcp.tool(annotations={"readOnlyHint": True})
    async def asks(ctx: Context) -> str:
        """Asks the user, as sessions of 2025-11-25 can."""
        answer = await ctx.elicit("How many?", response_type=int)
        return f"{answer}"

    @mcp.resource("data://about")
    def about() -> str:
        return "a plain server"

    @mcp.resource("data://item/{number}")
    def item(number: str) -> str:
        return number

    @mcp.prompt
    def count_to(number: int) -> str:
        """Takes a number only. A text must not end the check."""
        return f"Count to {number}."

    return mcp


def main() -> None:
    app = made().http_app(
        stateless_http="stateful" not in OPTIONS,
        json_response="stream" not in OPTIONS,
        middleware=[Middleware(Names)],
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        tls = next((x.removeprefix("tls=") for x in OPTIONS if x.startswith("tls=")), None)
        config = uvicorn.Config(app, log_level="critical", ssl_certfile=tls)
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
