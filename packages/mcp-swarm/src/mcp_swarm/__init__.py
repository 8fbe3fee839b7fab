"""The public API for tools, in addition to FastMCP's own: ``from mcp_swarm import …``.

    ask        the client's user, model or roots, in the middle of a call
    database   a session in one transaction                     DATABASE_URL
    current_job  the job that a tool runs in, None in a direct call   MCP_TASK_*
    hand_over  continue in the background once the work proves to be long
    Retryable  raise it to have the job retried later
    http       calls to other services, to allowed hosts only   MCP_OUTBOUND_HOSTS
    process_pool  runs code on a caller's input in a process with a time and a memory limit
    publish    notify listening clients of a change
    sandbox    files inside one folder and nowhere else             FILES_ROOT
    schema     JSON Schema validation that a bad schema cannot stall
    route      an HTTP route beside /mcp
    update     replaces one value of a UserSession atomically

Names are loaded on first use: a server whose tools need no database imports no database driver.

FastMCP reads its own settings on import, also from a ``.env`` in the working directory. A replica must
behave the same wherever it starts, so this module pins FastMCP's settings before that import.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_swarm import ask, database, http, process_pool, sandbox, schema
    from mcp_swarm.events import publish
    from mcp_swarm.jobs.context import current_job
    from mcp_swarm.jobs.errors import Retryable
    from mcp_swarm.jobs.handover import hand_over
    from mcp_swarm.routes import route
    from mcp_swarm.user_state import update

__version__ = "0.1.0"

__all__ = [
    "Retryable",
    "ask",
    "current_job",
    "database",
    "hand_over",
    "http",
    "process_pool",
    "publish",
    "route",
    "sandbox",
    "schema",
    "update",
]

os.environ.setdefault("FASTMCP_ENV_FILE", os.devnull)  # a stray .env must not change a replica
os.environ.setdefault("FASTMCP_LOG_ENABLED", "false")  # one format for all: telemetry/logs.py
os.environ.setdefault("FASTMCP_CHECK_FOR_UPDATES", "off")  # no call home at start

# Name → the module that defines it; every other name is a module of its own.
_DEFINED_IN = {
    "Retryable": "jobs.errors",
    "current_job": "jobs.context",
    "hand_over": "jobs.handover",
    "publish": "events",
    "route": "routes",
    "update": "user_state",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"mcp_swarm has no {name!r}. It has: {', '.join(__all__)}")
    if name not in _DEFINED_IN:
        return import_module(f"mcp_swarm.{name}")
    return getattr(import_module(f"mcp_swarm.{_DEFINED_IN[name]}"), name)
