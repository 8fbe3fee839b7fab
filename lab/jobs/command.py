"""`python -m server jobs`, on the sample tools."""

import sys

from mcp_swarm import config
from mcp_swarm.build import build_mcp
from mcp_swarm.cli import jobs
from mcp_swarm.errors import EXIT_NOT_STARTED, McpSwarmError

if __name__ == "__main__":
    settings = config.load()
    try:
        sys.exit(jobs.run(settings, build_mcp(settings, ("lab.jobs.sample",)), sys.argv[1:]))
    except McpSwarmError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(EXIT_NOT_STARTED)
