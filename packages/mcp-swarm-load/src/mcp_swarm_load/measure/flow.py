"""What happened around the calls themselves: sessions, streams, input rounds, long tasks.

All of it stays at 0 in a run of plain calls. Everything here adds up over worker processes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from mcp_swarm_load.measure.affinity import Affinity
from mcp_swarm_load.measure.stats import Histogram


@dataclass(slots=True)
class Flow:
    """Counts of one run; latencies are histograms of nanoseconds."""

    sessions_opened: int = 0
    sessions_without_id: int = 0
    """Of those opened: the server gave no Mcp-Session-Id, so it keeps no session."""
    sessions_refused: int = 0
    """Handshakes that failed; the call that needed the session failed with it."""
    sessions_closed: int = 0
    sessions_unclosed: int = 0
    """DELETE was refused (405) or failed."""
    sessions_lost: int = 0
    """The server answered 404 to a session it had given out; that call failed."""
    sessions_reopened: int = 0
    """Of those opened: in the place of one that was lost."""
    sessions_wrong: int = 0
    """Answers that named another session than the call's; that call failed."""
    session_opening: Histogram = field(default_factory=Histogram)
    """initialize sent to notifications/initialized answered."""
    session_affinity: Affinity = field(default_factory=Affinity)

    streams: int = 0
    """Answers that came as an event stream."""
    stream_first_event: Histogram = field(default_factory=Histogram)
    """Request sent to the first byte of the stream's body."""
    stream_last_byte: Histogram = field(default_factory=Histogram)
    progress: int = 0
    """Progress notifications read."""

    rounds: int = 0
    """Input rounds answered (2026-07-28)."""
    tasks_started: int = 0
    tasks_completed: int = 0
    task_polls: int = 0

    def merge(self, other: Flow) -> None:
        """Add what another process counted."""
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if isinstance(mine, int):
                setattr(self, each.name, mine + theirs)
            else:
                mine.merge(theirs)
