"""mcp-swarm: an MCP server that any number of replicas can serve.

FastMCP reads its own settings on import, and a ``.env`` of the working directory with them;
a replica must behave alike wherever it starts, so its choices are pinned before that import.
"""

import os

__version__ = "0.1.0"

os.environ.setdefault("FASTMCP_ENV_FILE", os.devnull)  # a stray .env must not change a replica
os.environ.setdefault("FASTMCP_LOG_ENABLED", "false")  # one log format for every line: core/logs.py
os.environ.setdefault("FASTMCP_CHECK_FOR_UPDATES", "off")  # no call home at start
