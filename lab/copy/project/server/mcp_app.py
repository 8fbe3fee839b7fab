"""The MCP server: the packages that it serves, MCP middleware and a lifespan of yours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.middleware import Middleware

from mcp_swarm.app import App
from mcp_swarm.build import build_mcp
from server.app.call_log import CallLogMiddleware
from server.config import Settings

# A file in one of these packages is served at the next start. MCP_TOOLS picks from the tools.
PACKAGES = ("server.tools", "server.resources", "server.prompts")
# They may go, and their folder: a package that is not there holds nothing.
EXAMPLES = ("server.examples.tools", "server.examples.resources", "server.examples.prompts")
# Outermost first. They stand inside those of mcp-swarm, around your tools, resources and prompts.
MIDDLEWARE: tuple[Middleware, ...] = (CallLogMiddleware(),)


@asynccontextmanager
async def lifespan(_server: FastMCP) -> AsyncIterator[dict[str, Any]]:
    """Opens what your tools share, in replicas and in workers; they read ``ctx.lifespan_context``."""
    yield {}


def build(settings: Settings) -> App:
    """Returns the MCP server for these settings."""
    return build_mcp(settings, (*PACKAGES, *EXAMPLES), MIDDLEWARE, lifespan)
