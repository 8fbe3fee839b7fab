"""``config://server``: how this replica is set up, for a client that wants to know its limits."""

from typing import Any

from fastmcp.resources import resource

from mcp_swarm import __version__
from server.config import settings

# Named one by one: a new setting is not shown to clients until somebody decides so.
SHOWN = (
    *("mcp_name", "mcp_replica", "mcp_stateless_http", "mcp_json_response"),
    *("mcp_call_timeout", "mcp_body_limit", "mcp_tools", "mcp_outbound_hosts"),
)


@resource(
    "config://server",
    name="server_configuration",
    description="Name, version, limits and modes of the replica that answers. No secrets.",
    mime_type="application/json",
)
async def server_configuration() -> dict[str, Any]:
    shown = settings().model_dump(mode="json", include=set(SHOWN))
    return {"version": __version__, **{name: shown[name] for name in SHOWN}}
