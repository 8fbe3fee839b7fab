"""Settings of the service and of one replica: who it is, where it listens, what it logs."""

import socket
from typing import Literal

from pydantic import Field

from mcp_swarm.config.environment import FromEnvironment
from mcp_swarm.config.hosts import Address
from mcp_swarm.config.lists import Listed


class ServiceSettings(FromEnvironment):
    """The service, and this replica of it."""

    mcp_name: str = Field(
        "template-mcp",
        min_length=1,
        description="The server's name. All replicas of a service need the same.",
    )
    mcp_replica: str = Field(
        default_factory=socket.gethostname,
        pattern=r"^[A-Za-z0-9._-]{1,128}$",
        description="This replica's name, which X-Served-By returns. Default: the host name.",
    )
    mcp_host: Address = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - a container's
    mcp_port: int = Field(
        8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one."
    )
    mcp_reuse_port: bool = Field(
        False, description="Share the port with other replicas on this machine (SO_REUSEPORT)."
    )
    mcp_tools: Listed = Field(
        ("all",), description="Modules of the tools to serve, by name: `sales,files`."
    )
    mcp_files_version: str = Field(
        "",
        description="The version of the files that deploy this replica; `deploy/version.env` sets it. "
        "The log has a warning if it is not the library's.",
    )
    mcp_drain_seconds: float = Field(
        5.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds to keep serving after SIGTERM, until the balancer sends no new calls.",
    )
    mcp_log_format: Literal["text", "json"] = Field(
        "text", description="`text` for people, `json` for machines: one object per line."
    )
    mcp_log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Minimum level to log."
    )
