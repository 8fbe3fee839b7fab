"""What tools may import beside FastMCP's own decorators: ``from server.core import …``.

    database   a session in one transaction                     DATABASE_URL
    http       calls to other services, to allowed hosts only   MCP_OUTBOUND_HOSTS
    publish    tell listening clients that something changed
    settings   every setting of this replica

Loaded on first use: a server whose tools need no database imports no database.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from server.config import load as settings
    from server.core import database, http
    from server.core.listen import publish

__all__ = ["database", "http", "publish", "settings"]

_WHERE = {
    "database": ("server.core.database", None),
    "http": ("server.core.http", None),
    "publish": ("server.core.listen", "publish"),
    "settings": ("server.config", "load"),
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"server.core has no {name!r}. It has: {', '.join(__all__)}")
    module, attribute = _WHERE[name]
    found = import_module(module)
    return getattr(found, attribute) if attribute else found
