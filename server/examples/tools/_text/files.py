"""The files whose text tools read: those below FILES_ROOT, except deployments."""

from pathlib import Path

from mcp_swarm import sandbox

# `read_config` shows these, with secrets hidden.
CLOSED = frozenset({"deployments"})


def readable(root: Path) -> sandbox.Sandbox:
    """Returns the sandbox of the files below `root` that may be shown as they are."""
    return sandbox.Sandbox(root, closed=CLOSED)
