"""One contender as a process: ``python -m lab.bench.contender NAME PORT [--many] [--auth] [--session]``.

All run in one uvicorn worker with the same flags and serve the same; those beside ours write no
access log, ours writes its own.
"""

import argparse
import gc
import importlib
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any

import uvicorn

TOKEN = "token-of-the-comparison"
PACKAGES = {False: "lab.bench.sample.small", True: "lab.bench.sample.many"}
MODULES = {False: ("small.tools", "small.others"), True: ("many.hundred",)}


def decorated(many: bool) -> list[tuple[str, Callable[..., Any]]]:
    """The functions to serve, each with its kind."""
    found = []
    for module in MODULES[many]:
        for value in vars(importlib.import_module(f"lab.bench.sample.{module}")).values():
            meta = getattr(value, "__fastmcp__", None)
            if meta and inspect.isfunction(value):
                found.append((meta.type, value))
    return found


def check() -> Any:
    """The same verifier for all that have one."""
    from mcp_swarm.auth import verifier
    from mcp_swarm.config import Settings

    made = verifier(Settings(auth_enabled=True, auth_token=TOKEN))
    assert made
    return made


def ours(many: bool, auth: bool, session: bool) -> None:
    """This project's server at default settings: request id and request log on.

    With sessions, these are in the Redis of ``REDIS_URL``.
    """
    from mcp_swarm.process.startup import deferred_build

    gc.disable()  # from here on as `python -m server` does it
    with deferred_build():
        from mcp_swarm import config, serve
        from mcp_swarm.build import build_mcp
        from mcp_swarm.telemetry import logs

    if os.environ.get("BENCH_WITHOUT_FAST_PATH"):  # the guard's control
        from lab import controls

        controls.load()["fast-path"]()
    settings = config.load()
    logs.configure(settings.mcp_log_format, settings.mcp_log_level, settings.mcp_replica)
    sys.exit(serve.serve(serve.build_app(settings, build_mcp(settings, (PACKAGES[many],)))))


def fastmcp(many: bool, auth: bool, session: bool) -> Any:
    """FastMCP as its documentation starts it, in JSON as ours is by default."""
    from fastmcp import FastMCP

    mcp = FastMCP("bench", auth=check() if auth else None)
    for kind, function in decorated(many):
        {"tool": mcp.add_tool, "resource": mcp.add_resource, "prompt": mcp.add_prompt}[kind](
            function
        )
    return mcp.http_app(path="/mcp", stateless_http=not session, json_response=True)


def mcpserver(many: bool, auth: bool, session: bool) -> Any:
    """The SDK's own server class."""
    from mcp.server.auth.settings import AuthSettings
    from mcp.server.mcpserver import Context, MCPServer

    options: dict[str, Any] = {}
    if auth:
        url = "http://127.0.0.1/"
        options = {
            "token_verifier": check(),
            "auth": AuthSettings(issuer_url=url, resource_server_url=None),
        }
    mcp = MCPServer("bench", log_level="WARNING", **options)
    for kind, function in decorated(many):
        if function.__name__ == "steps":

            async def steps(ctx: Context) -> str:
                for step in range(10):
                    await ctx.report_progress(step, 10)
                return "done"

            mcp.add_tool(steps)
        elif kind == "tool":
            mcp.add_tool(function)
        elif kind == "resource":
            mcp.resource("bench://text", mime_type="text/plain")(function)
        else:
            mcp.prompt()(function)
    return mcp.streamable_http_app(json_response=True, stateless_http=not session)


def starlette(many: bool, auth: bool, session: bool) -> Any:
    """A bare endpoint that reads JSON and writes JSON: what HTTP alone costs here."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    async def answer(request: Request) -> Response:
        body = await request.json()
        arguments = body["params"]["arguments"]
        text = str(arguments["a"] + arguments["b"])
        result = {"content": [{"type": "text", "text": text}], "isError": False}
        return JSONResponse({"jsonrpc": "2.0", "id": body["id"], "result": result})

    return Starlette(routes=[Route("/mcp", answer, methods=["POST"])])


def main() -> None:
    """Serves until it is killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=["ours", "fastmcp", "mcpserver", "starlette"])
    parser.add_argument("port", type=int)
    parser.add_argument("--many", action="store_true")
    parser.add_argument("--auth", action="store_true")
    parser.add_argument("--session", action="store_true")
    options = parser.parse_args()
    os.environ |= {"MCP_HOST": "127.0.0.1", "MCP_PORT": str(options.port)}
    if options.auth and options.name == "ours":
        os.environ |= {"AUTH_ENABLED": "true", "AUTH_TOKEN": TOKEN}
    if options.session and options.name == "ours":
        os.environ |= {"MCP_STATELESS_HTTP": "false", "MCP_REQUEST_STATE_KEYS": 2 * TOKEN}
    app = globals()[options.name](options.many, options.auth, options.session)
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=options.port,
        access_log=False,
        log_level="warning",
        server_header=False,
    )


if __name__ == "__main__":
    main()
