"""The name of the service under test, which may be any: ``MCP_NAME=shop make test``."""

import os

from mcp_swarm.config import Settings

NAME: str = os.environ.get("MCP_NAME") or Settings.model_fields["mcp_name"].default
