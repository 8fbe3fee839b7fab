"""``python -m server [serve | worker | jobs | files]``. Exit codes: see ``errors``."""

import argparse
import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from mcp_swarm.errors import EXIT_NOT_STARTED, McpSwarmError

COMMANDS = ("serve", "worker", "jobs", "files")


def main(arguments: Sequence[str], package: str) -> int:
    """Runs the command that `arguments` name; returns the exit code.

    Args:
        arguments: of the command line, without the program's name.
        package: the service's own, with ``config.settings``, ``mcp_app.build`` and
            ``server.build`` in it.
    """
    options = _parsed(arguments, package)
    gc.disable()  # imports create hardly any garbage: collections cost a fifth of the start
    try:
        if options.command == "files":  # needs no settings
            from mcp_swarm.cli import files

            return files.run(Path.cwd(), write=options.write, force=options.force)
        settings = import_module(f"{package}.config").settings()
        # only now, so that a wrong setting is reported at once
        return _run(options, settings, package)
    except McpSwarmError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_NOT_STARTED


def _parsed(arguments: Sequence[str], package: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=f"python -m {package}",
        description="serve: MCP on MCP_HOST:MCP_PORT/mcp. worker: runs background jobs. jobs: "
        "shows how they go, and what has failed. files: compares deploy/ and what else belongs to "
        "the library's version with the files in this folder. Settings come from the environment: see "
        "docs/settings.md.",
        epilog="exit codes: 0 stopped as asked, 1 findings, 2 wrong usage, 3 could not "
        "start, 4 a part of the process ended",
    )
    parser.add_argument("command", nargs="?", choices=COMMANDS, default="serve")
    parser.add_argument("rest", nargs="*", help="of jobs: `retry ID…` or `retry all`")
    parser.add_argument("--write", action="store_true", help="of files: bring them to this version")
    parser.add_argument("--force", action="store_true", help="with --write: those you edited too")
    options = parser.parse_args(arguments)
    if (options.write and options.command != "files") or (options.force and not options.write):
        parser.error("--write belongs to `files`, and --force to `files --write`")
    if options.rest and (options.command != "jobs" or options.rest[0] != "retry"):
        parser.error(f"{options.command} takes no {options.rest[0]!r}; jobs takes `retry ID…`")
    if options.rest == ["retry"]:
        parser.error("retry needs the ids of jobs, which `jobs` lists, or `all`")
    return options


def _run(options: argparse.Namespace, settings: Any, package: str) -> int:
    from mcp_swarm.process.startup import deferred_build
    from mcp_swarm.telemetry import logs

    level = "warning" if options.command == "jobs" else settings.mcp_log_level
    logs.configure(settings.mcp_log_format, level, settings.mcp_replica)
    if options.command == "serve":
        with deferred_build():
            from mcp_swarm.serve import serve

            server = import_module(f"{package}.server")
        return serve(server.build(settings))
    with deferred_build():
        from mcp_swarm import worker
        from mcp_swarm.cli import jobs

        mcp_app = import_module(f"{package}.mcp_app")
    mcp = mcp_app.build(settings)
    if options.command == "worker":
        return worker.work(settings, mcp)
    return jobs.run(settings, mcp, options.rest)
