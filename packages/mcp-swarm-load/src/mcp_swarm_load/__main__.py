"""Runs the load tester: `python -m mcp_swarm_load`."""

import sys

from mcp_swarm_load.cli.main import main

if __name__ == "__main__":
    sys.exit(main(program="python -m mcp_swarm_load"))
