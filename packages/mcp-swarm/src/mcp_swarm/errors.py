"""The exceptions, JSON-RPC error codes and exit codes of this library.

    McpSwarmError
    ├── ConfigError      a setting is wrong              exit 3 at start
    ├── DiscoveryError   a tool file is wrong            exit 3 at start
    └── StartError       something needed is missing     exit 3 at start

Every message says what is wrong, the value, what was expected and the next step. Messages reach the
operator's terminal, never a client: for clients raise ``fastmcp.exceptions.ToolError``.
"""

# Our own JSON-RPC error codes, outside the reserved -32768..-32000 (2026-07-28, basic/index).
CALL_TIMED_OUT = -31001  # over MCP_CALL_TIMEOUT
STORE_UNAVAILABLE = -31002  # Redis does not answer; try again
TOO_MANY_STREAMS = -31003  # of subscriptions/listen; try again
JOB_OVER_LIMIT = -31004  # over its tool's time limit
JOB_GIVEN_UP = -31005  # no worker could finish it
NO_STREAM = -31006  # the client accepts no stream, and can only be asked over one
CALL_LOST = -31007  # its replica died; it is unknown whether the call took effect
TOO_MANY_SESSIONS = -31008  # or streams of them; try again
QUEUE_FULL = -31009  # of jobs; try again
TOO_BUSY = -31010  # over MCP_CALL_CONCURRENCY for too long; try again
DATABASE_UNAVAILABLE = -31011  # the tools' database does not answer; try again

# The protocol's own, for 2025-11-25 and older.
RESOURCE_NOT_FOUND = -32002

EXIT_FINE = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_NOT_STARTED = 3
EXIT_LOST = 4  # a part of the process ended early


class McpSwarmError(Exception):
    """The base class of all exceptions that this library raises on purpose."""


class ConfigError(McpSwarmError):
    """A setting has an invalid value."""


class DiscoveryError(McpSwarmError):
    """A file in a discovered package cannot be served."""


class StartError(McpSwarmError):
    """The server cannot start: a port in use, a database that does not answer."""
