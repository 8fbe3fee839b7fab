"""The protocol as uvicorn, FastMCP and the SDK have it."""

from lab.controls import changed, nothing
from mcp_swarm import framework

CONTROLS = {
    "schema-lookup": lambda: setattr(framework, "set_schema_lookup", nothing),
    "log-level-refusal": lambda: setattr(framework, "refuse_log_level", nothing),
    "head-limit": changed("mcp_swarm.framework.limited_protocol", "MAX_HEAD", 1 << 40),
    "head-time": changed("mcp_swarm.framework.limited_protocol", "SECONDS", 3600.0),
    "connections": changed("mcp_swarm.framework.limited_protocol", "MAX_CONNECTIONS", 20),
}
