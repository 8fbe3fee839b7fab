"""FastMCP's own path for every request, and FastMCP without anything of ours."""

from lab.controls import changed, pass_on_asgi
from mcp_swarm.fast_path import FastPathMiddleware


def fastmcp_alone() -> None:
    """Nothing of ours but the tools."""
    from lab import serve
    from lab.fast_path import alone

    serve.run = alone.run


CONTROLS = {
    "everything": fastmcp_alone,
    "fast-path": lambda: setattr(FastPathMiddleware, "__call__", pass_on_asgi),
    "quickness": changed("mcp_swarm.sessions.post", "QUICK", 3600),
}
