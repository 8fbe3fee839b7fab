"""Serve packages of test tools with the project's own machinery, as a replica of its own.

    python -m lab.serve lab.sample.tools --without stream-closing

`--without` takes one protection away: see `lab.controls`.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from lab import controls
from mcp_swarm.process.startup import deferred_build

with deferred_build():  # as `python -m server` does
    from lab.sample.lists import CountLists
    from mcp_swarm import build, config, serve, worker
    from mcp_swarm.errors import EXIT_NOT_STARTED, McpSwarmError
    from mcp_swarm.telemetry import logs


async def bug(request: Any) -> None:
    """A route that fails, as one of ours might."""
    raise RuntimeError("the password is hunter2")


async def loaded(request: Request) -> JSONResponse:
    """Which of ?names=a,b this process has imported."""
    return JSONResponse([n for n in request.query_params["names"].split(",") if n in sys.modules])


def run(settings: config.Settings, packages: Sequence[str], works: bool = False) -> int:
    """Serves `packages`, or runs their jobs, as `python -m server` does its own."""
    logs.configure(settings.mcp_log_format, settings.mcp_log_level, settings.mcp_replica)
    mcp = build.build_mcp(settings, packages)
    mcp.add_middleware(CountLists())
    mcp.custom_route("/bug", methods=["GET"])(bug)
    mcp.custom_route("/loaded", methods=["GET"])(loaded)
    if works:
        return worker.work(settings, mcp)
    return serve.serve(serve.build_app(settings, mcp))


def main(arguments: Sequence[str]) -> int:
    """Serves as `python -m server` does; the exit code is the same too."""
    parser = argparse.ArgumentParser()
    parser.add_argument("packages", nargs="*")
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--worker", action="store_true")
    options = parser.parse_args(arguments)
    known = controls.load() if options.without else {}
    for name in options.without:
        known[name]()
    try:
        return run(config.load(), options.packages, options.worker)
    except McpSwarmError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_NOT_STARTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
