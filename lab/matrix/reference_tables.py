"""The tables that this project was described by, and which of our cells stands beside each of theirs."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Theirs:
    """A row of another table.

    Attributes:
        row: as it is called there.
        said: what is said of it there, one for each column.
        ours: the capability beside it, as ``probes.PROBES`` calls it; or, of a row about how one
            deploys, what is to be said of it here, one for each column.
    """

    row: str
    said: tuple[str, ...]
    ours: str | tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Another table.

    Attributes:
        columns: as they are called there, each with the names of our modes that stand beside it.
        rows: in the order there.
    """

    columns: dict[str, tuple[str, ...]]
    rows: tuple[Theirs, ...]


# Its stateless mode is JSON; ours can stream to who takes streams (auto).
SEED: Final = Table(
    {"stateful": ("sessions",), "stateless": ("json", "auto")},
    (
        Theirs("Session tracking", ("✓ in memory", "✗ none"), "sessions"),
        Theirs("Multi-replica", ("✗ needs sticky sessions", "✓ native"), "tools"),
        Theirs("Server-push notifications", ("✓", "✗ not available"), "subscriptions"),
        Theirs("SSE streaming", ("✓", "limited"), "streamed results"),
        Theirs("Progress updates", ("✓ real-time", "✗ must poll"), "progress"),
        Theirs(
            "Load balancing",
            ("sticky", "round-robin"),
            ("each request on another replica", "each request on another replica"),
        ),
        Theirs("Elicitation with callbacks", ("✓", "✗"), "elicitation"),
        Theirs("Sampling (LLM completions from server)", ("✓", "✗"), "sampling"),
        Theirs("Multi-step wizards with state", ("✓", "✗"), "state of a caller"),
        Theirs(
            "WebSocket-style bidirectional communication", ("✓", "✗"), "server and client at once"
        ),
        Theirs("Long-running tasks with progress", ("✓", "✗"), "long tasks"),
    ),
)

_BALANCED = "a balancer; no affinity"

LESSON: Final = Table(
    {
        "stateful + streaming": ("sessions",),
        "stateless + streaming": ("stream",),
        "stateless + JSON": ("json",),
    },
    (
        Theirs("Basic tools", ("✓", "✓", "✓"), "tools"),
        Theirs("File I/O tools", ("✓", "✓", "✓"), "tools"),
        Theirs("API calls", ("✓", "✓", "✓"), "tools"),
        Theirs("`context.info()` / `context.warning()`", ("✓", "✓", "✗ lost"), "logs"),
        Theirs("`context.report_progress()`", ("✓", "✗ ignored", "✗ ignored"), "progress"),
        Theirs(
            "`context.session.create_message()`",
            ("✓", "✗ can't route", "✗ can't route"),
            "sampling",
        ),
        Theirs("Resources + subscriptions", ("✓", "✗ no SSE", "✗ no SSE"), "subscriptions"),
        Theirs("Horizontal scaling", ("✗ needs sticky", "✓", "✓"), "tools"),
        Theirs("Requires load balancer config", ("✗", "✓", "✓"), (_BALANCED,) * 3),
        Theirs(
            "Session-based state",
            ("lost on another server", "✗ none", "✗ none"),
            "state of a session",
        ),
        Theirs("Large results", ("✓", "✓", "may time out"), "large results"),
        Theirs("Plain HTTP clients", ("not said", "not said", "✓"), "plain HTTP client"),
    ),
)
