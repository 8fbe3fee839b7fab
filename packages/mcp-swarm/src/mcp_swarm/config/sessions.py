"""Settings of sessions (protocol 2025-11-25 and older), and of streams of events."""

from pydantic import Field

from mcp_swarm.config.environment import FromEnvironment, Seconds


class SessionSettings(FromEnvironment):
    """Sessions, GET streams and ``subscriptions/listen``."""

    mcp_session_ttl: Seconds = Field(
        1800.0,
        description="Seconds that an unused session is kept (protocol 2025-11-25 and older).",
    )
    mcp_session_limit: int = Field(
        50_000, gt=0, description="Maximum sessions (`memory://`: of a replica); beyond it: 503."
    )
    mcp_stream_limit: int = Field(
        4096,
        gt=0,
        description="Maximum GET streams of a replica; beyond it: 503. (`memory://`: one per session.)",
    )
    mcp_listen_limit: int = Field(
        4096, gt=0, description="Maximum `subscriptions/listen` of a replica; beyond it: an error."
    )
    mcp_listen_limit_per_client: int = Field(64, gt=0, description="The same, for one caller.")
