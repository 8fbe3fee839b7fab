#!/usr/bin/env python3
"""Does it scale? Loads an MCP server and reports how it held and how even its replicas worked.

    python test_swarm_load.py --requests 300 --concurrent 50
    python test_swarm_load.py --rate 200 --duration 60 --expect-replicas 3

The command line of the package mcp-swarm-load, which works against any MCP server; --help lists
its options.
"""

import sys

from mcp_swarm_load.cli.main import main

if __name__ == "__main__":
    sys.exit(main(program="test_swarm_load.py"))
