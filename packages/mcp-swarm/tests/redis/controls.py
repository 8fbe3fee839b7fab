"""Redis without limits of time and memory, and FastMCP's own store."""

from lab.controls import changed, changed_scripts

CONTROLS = {
    "access-retry": changed("mcp_swarm.redis.permissions", "REFUSES", 0),
    "full-check": changed_scripts(
        ("#!lua\n", ""), ("{bytes('used_memory'), bytes('maxmemory')}", "{0, 0}")
    ),
    "redis-timeout": changed("mcp_swarm.redis", "COMMAND_TIMEOUT", 3600),
}
