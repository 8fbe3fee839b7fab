"""Where the lab lives on this machine. Every name of it starts with one of these."""

import os
from pathlib import Path

DATA = Path("/var/lib/mcp-swarm-lab")  # images, containers and volumes, a folder a node
RUN = Path("/run/mcp-swarm-lab")  # sockets, logs, what a node's engine keeps while it runs
LOCK = Path("/run/lock/mcp-swarm-lab.lock")  # one lab a machine; empty, and no part of the lab
CGROUP = "mcp-swarm-lab"
PREFIX = "mcplab"  # of network namespaces and links; a link's name has at most 15 characters
SUBNET = "10.77.0"
SWITCH = f"{PREFIX}-switch"  # the namespace whose bridge joins the nodes


def cache() -> Path:
    """The folder for what takes long to make and may be kept; made if missing."""
    folder = Path(os.environ.get("MCP_SWARM_CACHE") or Path.home() / ".cache" / "mcp-swarm")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def address(number: int) -> str:
    """The address of node ``number``, counted from 1; 254 is this machine's own."""
    return f"{SUBNET}.{number}"
