"""What tools may import beside FastMCP's own decorators: ``from server.core import …``.

    ask        the client's user, model or roots, in the middle of a call
    database   a session in one transaction                     DATABASE_URL
    current_job  the job that a tool runs in, None in a direct call   MCP_TASK_*
    hand_over  go on in the background once the work proves to be long
    Retryable  raise it: the job is tried again later
    http       calls to other services, to allowed hosts only   MCP_OUTBOUND_HOSTS
    process_pool  runs code on a caller's input in a process with a time and a memory limit
    publish    tell listening clients that something changed
    sandbox    files inside one folder and nowhere else             FILES_ROOT
    schema     JSON Schema checks that a bad schema cannot stall
    settings   every setting of this replica
    update     one value of a UserSession, made of the old one, safe for calls at once

Loaded on first use: a server whose tools need no database imports no database.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from server.config import load as settings
    from server.core.resilience import database, http, process_pool, sandbox, schema
    from server.core.state import ask
    from server.core.state.events import publish
    from server.core.state.tasks.context import current_job
    from server.core.state.tasks.errors import Retryable
    from server.core.state.tasks.handover import hand_over
    from server.core.state.user_state import update

__all__ = [
    "Retryable",
    "ask",
    "current_job",
    "database",
    "hand_over",
    "http",
    "process_pool",
    "publish",
    "sandbox",
    "schema",
    "settings",
    "update",
]

_WHERE = {
    "Retryable": ("server.core.state.tasks.errors", "Retryable"),
    "ask": ("server.core.state.ask", None),
    "current_job": ("server.core.state.tasks.context", "current_job"),
    "database": ("server.core.resilience.database", None),
    "hand_over": ("server.core.state.tasks.handover", "hand_over"),
    "http": ("server.core.resilience.http", None),
    "process_pool": ("server.core.resilience.process_pool", None),
    "publish": ("server.core.state.events", "publish"),
    "sandbox": ("server.core.resilience.sandbox", None),
    "schema": ("server.core.resilience.schema", None),
    "settings": ("server.config", "load"),
    "update": ("server.core.state.user_state", "update"),
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"server.core has no {name!r}. It has: {', '.join(__all__)}")
    module, attribute = _WHERE[name]
    found = import_module(module)
    return getattr(found, attribute) if attribute else found
