"""`python -m mcp_swarm_load`: the load tester where its script is not at hand."""

import sys

from mcp_swarm_load.cli.main import main

if __name__ == "__main__":
    sys.exit(main(program="python -m mcp_swarm_load"))
