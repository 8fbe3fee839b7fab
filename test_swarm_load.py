#!/usr/bin/env python3
"""Does it scale? Loads an MCP server and reports how it held and how even its replicas worked.

    python test_swarm_load.py --requests 300 --concurrent 50
    python test_swarm_load.py --rate 200 --duration 60 --expect-replicas 3

A thin command line over `loadtest/`, which works against any MCP server; --help lists the flags.
"""

import sys

from loadtest.cli import main

if __name__ == "__main__":
    sys.exit(main())
