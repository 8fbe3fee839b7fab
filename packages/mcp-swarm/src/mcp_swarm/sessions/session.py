"""A session as every replica knows it, and the one that is being served right now."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from mcp.server.connection import Connection
from mcp.shared.dispatcher import Outbound
from mcp_types import InitializeRequestParams, LoggingLevel
from mcp_types.version import is_version_at_least

# The first revision whose clients understand an event that has an id and no data.
PRIMED_SINCE = "2025-11-25"


@dataclass
class SessionSnapshot:
    """What `initialize` settled, and what the client asked for since.

    Attributes:
        id: of the session.
        owner: who opened it: client, issuer and subject of the credential; empty without auth.
        params: of `initialize`, as JSON.
        version: of the protocol, as negotiated.
        level: least level of log messages that the client wants, if it said.
        has_rules: components were shown or hidden for it (``ctx.enable_components``).
    """

    id: str
    owner: str
    params: bytes
    version: str
    level: LoggingLevel | None = None
    has_rules: bool = False

    @property
    def is_primed(self) -> bool:
        """Whether its streams begin with an event that says where to resume."""
        return is_version_at_least(self.version, PRIMED_SINCE)

    def connection(self, outbound: Outbound) -> Connection:
        """The SDK's view of the client, as if it had shaken hands with this process."""
        connection = Connection.for_loop(
            outbound, session_id=self.id, protocol_version_hint=self.version
        )
        connection.client_params = InitializeRequestParams.model_validate_json(self.params)
        connection.initialized.set()
        return connection


SERVING: ContextVar[SessionSnapshot | None] = ContextVar("session", default=None)


class Levels(dict[str, Any]):
    """Log levels by session as FastMCP keeps them, but of the session that is being served."""

    def get(self, session: str, default: Any = None) -> Any:
        """The level that the client asked for, on whichever replica."""
        snapshot = SERVING.get()
        return snapshot.level if snapshot and snapshot.level else default

    def __setitem__(self, session: str, level: Any) -> None:
        if snapshot := SERVING.get():
            snapshot.level = level

    def pop(self, session: str, default: Any = None) -> Any:
        """Nothing is kept here that could be forgotten."""
        return default
