"""The snapshot of a session that a request works with, and the session of the current request."""

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
    """What `initialize` negotiated, and what the client has set since.

    Attributes:
        id: of the session.
        owner: the caller that opened it: client, issuer and subject; empty without auth.
        params: of `initialize`, as JSON.
        version: of the protocol, as negotiated.
        level: minimum level of log messages that the client set, if any.
        has_rules: whether components were shown or hidden for it (``ctx.enable_components``).
    """

    id: str
    owner: str
    params: bytes
    version: str
    level: LoggingLevel | None = None
    has_rules: bool = False

    @property
    def is_primed(self) -> bool:
        """Whether its streams begin with an event that only carries an id to resume after."""
        return is_version_at_least(self.version, PRIMED_SINCE)

    def connection(self, outbound: Outbound) -> Connection:
        """Returns the SDK's view of the client, as if its handshake had been with this process."""
        connection = Connection.for_loop(
            outbound, session_id=self.id, protocol_version_hint=self.version
        )
        connection.client_params = InitializeRequestParams.model_validate_json(self.params)
        connection.initialized.set()
        return connection


SERVING: ContextVar[SessionSnapshot | None] = ContextVar("session", default=None)


class Levels(dict[str, Any]):
    """Replaces FastMCP's log levels by session: reads and sets that of the current session."""

    def get(self, session: str, default: Any = None) -> Any:
        """Returns the level that the client set, on whichever replica."""
        snapshot = SERVING.get()
        return snapshot.level if snapshot and snapshot.level else default

    def __setitem__(self, session: str, level: Any) -> None:
        if snapshot := SERVING.get():
            snapshot.level = level

    def pop(self, session: str, default: Any = None) -> Any:
        """Does nothing: no level is kept here."""
        return default
