"""`python -m server tasks`, on the sample tools."""

import sys

from server import config, tasks
from server.core.errors import EXIT_NOT_STARTED, McpSwarmError

if __name__ == "__main__":
    try:
        sys.exit(tasks.run(config.load(), sys.argv[1:], packages=("tests.tasks.sample",)))
    except McpSwarmError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(EXIT_NOT_STARTED)
