"""FastMCP by itself, with the options of it that we set: what `test_sameness` compares us with."""

from collections.abc import Sequence

import uvicorn
from fastmcp import FastMCP
from starlette.requests import Request
from starlette.responses import Response

from server import __version__
from server.config import Settings
from server.core import logs
from server.core.discovery import Identity, discover
from server.core.edge import auth
from server.core.state import request_state
from server.server import bound


async def _ready(request: Request) -> Response:
    return Response()


def run(settings: Settings, packages: Sequence[str]) -> int:
    """Serves until it is killed."""
    logs.configure(settings.mcp_log_format, settings.mcp_log_level, settings.mcp_replica)
    mcp: FastMCP = FastMCP(
        settings.mcp_name,
        version=__version__,
        auth=auth.verifier(settings),
        on_duplicate="error",
        mask_error_details=True,
        strict_input_validation=True,
        request_state_security=request_state.security(settings),
    )
    seen: dict[Identity, str] = {}
    for package in packages:
        discover(mcp, package, ("all",), seen)
    mcp.custom_route("/readyz", methods=["GET"])(_ready)
    app = mcp.http_app(path="/mcp", stateless_http=settings.mcp_stateless_http, json_response=True)
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
    with bound(settings) as listening:
        uvicorn.Server(config).run([listening])
    return 0
