"""What a version of the library promises, read from its code."""

import mcp_swarm
from mcp_swarm import errors
from mcp_swarm.cli.main import COMMANDS
from mcp_swarm.config import Settings


def markdown() -> str:
    """Names, commands, settings and codes, as a table."""
    exits = {name: value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    codes = {name: value for name, value in vars(errors).items() if isinstance(value, int)}
    rows = {
        "names of `mcp_swarm`": sorted(mcp_swarm.__all__),
        "`mcp_swarm.app`, `mcp_swarm.build`, `mcp_swarm.serve`": [
            "App",
            "build_mcp",
            "Service",
            "build_app",
            "make_app",
        ],
        "`mcp_swarm.config`": ["Settings", "current", "load"],
        "commands of `python -m server`": sorted(COMMANDS),
        "fixtures of `mcp_swarm.testing`": ["http_service", "postgres_url", "replica"],
        "settings": sorted(name.upper() for name in Settings.model_fields),
        "JSON-RPC error codes": [f"{value} {name}" for name, value in codes.items() if value < 0],
        "exit codes": [
            f"{value} {name.removeprefix('EXIT_').lower()}" for name, value in exits.items()
        ],
        "response headers": ["Retry-After", "X-Request-Id", "X-Served-By"],
        "paths": ["/healthz", "/jobs", "/mcp", "/readyz", "/version"],
    }
    lines = ["| what | which |", "|---|---|"]
    lines += [
        f"| {what} | {', '.join(f'`{name}`' for name in names)} |" for what, names in rows.items()
    ]
    return "\n".join(lines)
