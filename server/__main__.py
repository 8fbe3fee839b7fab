"""``python -m server [serve | worker | jobs]``."""

import sys

from mcp_swarm.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], "server"))
