"""Your server. ``python -m server`` serves what the folders beside this file hold."""

import mcp_swarm  # noqa: F401 - first: it pins FastMCP's own settings before FastMCP reads them
