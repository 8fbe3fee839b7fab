"""``python -m server``: serve until a signal. Exit 0 fine, 2 usage, 3 could not start."""

import argparse
import gc
import importlib
import sys

from server.core.errors import EXIT_NOT_STARTED, McpSwarmError

# Command → the module whose `run(settings)` does it.
_MODULES = {"serve": "server", "worker": "worker"}


def main(arguments: list[str]) -> int:
    """Runs the command that `arguments` name; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="Serves MCP on MCP_HOST:MCP_PORT/mcp. Settings come from the environment: "
        "see docs/settings.md.",
        epilog="exit codes: 0 stopped as asked, 2 wrong usage, 3 could not start",
    )
    parser.add_argument("command", nargs="?", choices=_MODULES, default="serve")
    options = parser.parse_args(arguments)
    gc.disable()  # imports make next to no garbage: looking for it costs a fifth of the start
    try:
        from server.config import load

        settings = load()
        # only now: a wrong setting is told at once
        module = importlib.import_module(f"server.{_MODULES[options.command]}")
        return int(module.run(settings))
    except McpSwarmError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_NOT_STARTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
