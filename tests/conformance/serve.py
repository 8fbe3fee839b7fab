"""Serve the everything-server: `python -m tests.conformance.serve`, set by the usual variables.

With `worker`, run its jobs instead.
"""

import sys

from server import config
from server.core import logs
from server.mcp_app import build_mcp
from server.server import serve
from server.worker import work
from tests.conformance.everything.extend import extend

PACKAGES = tuple(
    f"tests.conformance.everything.{kind}" for kind in ("tools", "resources", "prompts")
)

if __name__ == "__main__":
    settings = config.load()
    logs.configure(settings.mcp_log_format, settings.mcp_log_level, settings.mcp_replica)
    mcp = build_mcp(settings, PACKAGES)
    extend(mcp)
    sys.exit(work(settings, mcp) if "worker" in sys.argv[1:] else serve(settings, mcp))
