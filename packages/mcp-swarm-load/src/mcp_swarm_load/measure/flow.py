"""Counts of sessions, streams, input rounds and long tasks.

All of them are 0 in a run of plain calls. They add up over worker processes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from mcp_swarm_load.measure.affinity import Affinity
from mcp_swarm_load.measure.stats import Histogram


@dataclass(slots=True)
class Flow:
    """Counts of one run. Latencies are histograms of nanoseconds."""

    sessions_opened: int = 0
    sessions_without_id: int = 0
    """Opened sessions without an Mcp-Session-Id: the server keeps no session."""
    sessions_refused: int = 0
    """Failed handshakes. The call that needed the session failed too."""
    sessions_closed: int = 0
    sessions_unclosed: int = 0
    """The server rejected DELETE (405), or it failed."""
    sessions_lost: int = 0
    """The server answered 404 for a session that it had opened. That call failed."""
    sessions_reopened: int = 0
    """Sessions opened to replace a lost one."""
    sessions_wrong: int = 0
    """Answers that named another session than the call's. That call failed."""
    session_opening: Histogram = field(default_factory=Histogram)
    """From sending initialize to the answer of notifications/initialized."""
    session_affinity: Affinity = field(default_factory=Affinity)

    streams: int = 0
    """Answers that were event streams."""
    stream_first_event: Histogram = field(default_factory=Histogram)
    """From sending the request to the first byte of the stream's body."""
    stream_last_byte: Histogram = field(default_factory=Histogram)
    progress: int = 0
    """Progress notifications received."""

    rounds: int = 0
    """Input rounds answered (2026-07-28)."""
    tasks_started: int = 0
    tasks_completed: int = 0
    task_polls: int = 0

    def merge(self, other: Flow) -> None:
        """Adds another process's counts."""
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if isinstance(mine, int):
                setattr(self, each.name, mine + theirs)
            else:
                mine.merge(theirs)
