"""Settings of HTTP: who may call, what a body may hold, the form of an answer."""

from typing import Literal

from pydantic import Field

from mcp_swarm.config.environment import FromEnvironment
from mcp_swarm.config.hosts import PageOrigins, ServedHosts


class HttpSettings(FromEnvironment):
    """Requests and the form of their answers."""

    mcp_stateless_http: bool = Field(
        True, description="No sessions (2025-11-25 and older), so any replica serves any call."
    )
    mcp_json_response: bool | Literal["auto"] = Field(
        True,
        description="`true`: plain JSON responses. `false`: event streams, with progress and log "
        "messages. `auto`: each request's Accept decides.",
    )
    mcp_fast_path: bool = Field(True, description="Answer plain requests on the fast path.")
    mcp_allowed_hosts: ServedHosts = Field(
        (),
        description="Host names of the service besides localhost: `mcp.example.com`, `*` for any.",
    )
    mcp_allowed_origins: PageOrigins = Field(
        (),
        description="Browser origins that may call, also with CORS: `https://app.example.com`.",
    )
    mcp_body_limit: int = Field(
        4 * 1024 * 1024,
        gt=0,
        description="Maximum request body, in bytes; beyond it: 413. On /mcp it applies to tools/call, "
        "tasks/update and responses to the server; the maximum of all others is 64 KB.",
    )
