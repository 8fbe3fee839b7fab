"""``python -m server [serve | worker | tasks]``. Exit 0 fine, 1 findings, 2 usage, 3 no start, 4 part lost."""

import argparse
import gc
import importlib
import sys

from server.core.errors import EXIT_NOT_STARTED, McpSwarmError

# Command → the module whose `run(settings)` does it.
_MODULES = {"serve": "server", "worker": "worker", "tasks": "tasks"}


def main(arguments: list[str]) -> int:
    """Runs the command that `arguments` name; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="serve: MCP on MCP_HOST:MCP_PORT/mcp. worker: runs background jobs. tasks: "
        "tells how they go, and what has failed. Settings come from the environment: see "
        "docs/settings.md.",
        epilog="exit codes: 0 stopped as asked, 1 findings, 2 wrong usage, 3 could not "
        "start, 4 a part of the process ended",
    )
    parser.add_argument("command", nargs="?", choices=_MODULES, default="serve")
    parser.add_argument("rest", nargs="*", help="of tasks: `retry ID…` or `retry all`")
    options = parser.parse_args(arguments)
    if options.rest and (options.command != "tasks" or options.rest[0] != "retry"):
        parser.error(f"{options.command} takes no {options.rest[0]!r}; tasks takes `retry ID…`")
    if options.rest == ["retry"]:
        parser.error("retry needs the ids of jobs, which `tasks` lists, or `all`")
    gc.disable()  # imports make next to no garbage: looking for it costs a fifth of the start
    try:
        from server.config import load

        settings = load()
        # only now: a wrong setting is told at once
        from server.core.startup import deferred_build

        with deferred_build():
            module = importlib.import_module(f"server.{_MODULES[options.command]}")
        return int(module.run(settings, *([options.rest] if options.command == "tasks" else [])))
    except McpSwarmError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_NOT_STARTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
