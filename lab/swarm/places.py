"""Where the lab lives on this machine. Every name of it starts with one of these."""

import os
from pathlib import Path

# More than one lab can be up at a time, told apart by this number.
NUMBER = int(os.environ.get("MCP_SWARM_LAB", "0"))

DATA = Path(f"/var/lib/mcp-swarm-lab-{NUMBER}")  # images, containers and volumes, a folder a node
RUN = Path(f"/run/mcp-swarm-lab-{NUMBER}")  # sockets, logs, what an engine keeps while it runs
LOCK = Path(f"/run/lock/mcp-swarm-lab-{NUMBER}")  # whose lab this is; empty, and may stay
CGROUP = f"mcp-swarm-lab-{NUMBER}"
PREFIX = f"mcplab{NUMBER}-"  # of network namespaces and links; a link's name has 15 characters
SUBNET = f"10.77.{NUMBER}"
SWITCH = f"{PREFIX}switch"  # the namespace whose bridge joins the nodes
CABLE = f"{PREFIX}cable"  # this machine's own end of that bridge


def cache() -> Path:
    """The folder for what takes long to make and may be kept; made if missing."""
    folder = Path(os.environ.get("MCP_SWARM_CACHE") or Path.home() / ".cache" / "mcp-swarm")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def address(number: int) -> str:
    """The address of node ``number``, counted from 1; 254 is this machine's own."""
    return f"{SUBNET}.{number}"
