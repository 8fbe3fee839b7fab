"""Serve the everything-server: `python -m lab.conformance.serve`, set by the usual variables.

With `worker`, run its jobs instead.
"""

import sys

from lab.conformance.everything.extend import extend
from mcp_swarm import config
from mcp_swarm.build import build_mcp
from mcp_swarm.serve import build_app, serve
from mcp_swarm.telemetry import logs
from mcp_swarm.worker import work

PACKAGES = tuple(f"lab.conformance.everything.{kind}" for kind in ("tools", "resources", "prompts"))

if __name__ == "__main__":
    settings = config.load()
    logs.configure(settings.mcp_log_format, settings.mcp_log_level, settings.mcp_replica)
    mcp = build_mcp(settings, PACKAGES)
    extend(mcp)
    sys.exit(work(settings, mcp) if "worker" in sys.argv[1:] else serve(build_app(settings, mcp)))
