"""FastMCP by itself, with the options of it that we set: what `test_sameness` compares us with."""

from collections.abc import Sequence

import uvicorn
from fastmcp import FastMCP
from starlette.requests import Request
from starlette.responses import Response

from mcp_swarm import __version__, auth
from mcp_swarm.ask import request_state
from mcp_swarm.config import Settings
from mcp_swarm.discovery import Identity, discover
from mcp_swarm.serve import listening_socket
from mcp_swarm.telemetry import logs


async def _ready(request: Request) -> Response:
    return Response()


def run(settings: Settings, packages: Sequence[str], works: bool = False) -> int:
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
    with listening_socket(settings) as listening:
        uvicorn.Server(config).run([listening])
    return 0
