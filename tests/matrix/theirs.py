"""The tables that this project was described by: their rows, and which of our rows stands beside."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Theirs:
    """A row of another table.

    Attributes:
        row: as it is called there.
        said: what is said of it there.
        capability: what it is called in ``probes.PROBES``.
    """

    row: str
    said: str
    capability: str


SEED = (
    Theirs("Session tracking", "stateful: in memory; stateless: none", "sessions"),
    Theirs("Redis session store", "failed: the framework keeps sessions in memory", "sessions"),
    Theirs("Multi-replica", "stateful: needs sticky sessions; stateless: native", "tools"),
    Theirs("Server-push notifications", "stateless: not available", "subscriptions"),
    Theirs("SSE streaming", "stateless: limited", "streamed results"),
    Theirs("Progress updates", "stateless: must poll", "progress"),
    Theirs("Elicitation with callbacks", "not for stateless", "elicitation"),
    Theirs("Sampling (LLM completions from server)", "not for stateless", "sampling"),
    Theirs("Multi-step wizards with state", "not for stateless", "state of a caller"),
    Theirs(
        "WebSocket-style bidirectional communication",
        "not for stateless",
        "server and client at once",
    ),
    Theirs("Long-running tasks with progress", "not for stateless", "long tasks"),
)

# Stateful + streaming, stateless + streaming, stateless + JSON.
LESSON = (
    Theirs("Basic tools", "✓ ✓ ✓", "tools"),
    Theirs("`context.info()` / `context.warning()`", "✓ ✓ ✗ (lost)", "logs"),
    Theirs("`context.report_progress()`", "✓ ✗ ✗ (ignored)", "progress"),
    Theirs("`context.session.create_message()`", "✓ ✗ ✗ (can't route)", "sampling"),
    Theirs("Resources + subscriptions", "✓ ✗ ✗ (no SSE)", "subscriptions"),
    Theirs("Session-based state", "lost on another server", "state of a session"),
    Theirs("Large results", "may time out in JSON", "large results"),
    Theirs("Horizontal scaling", "✗ (needs sticky) ✓ ✓", "tools"),
    Theirs("Plain HTTP clients", "JSON only", "plain HTTP client"),
)
