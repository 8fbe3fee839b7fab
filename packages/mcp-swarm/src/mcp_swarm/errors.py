"""What can go wrong before or around a call, as one small tree.

    McpSwarmError
    ├── ConfigError      a setting is wrong              exit 3 at start
    ├── DiscoveryError   a tool file is wrong            exit 3 at start
    └── StartError       something needed is not there   exit 3 at start

Every message says what, the value, what was expected and the next step. Messages reach the
operator's terminal, never a client: tools tell clients by ``fastmcp.exceptions.ToolError``.
"""

# Our own JSON-RPC error codes, outside the reserved -32768..-32000 (2026-07-28, basic/index).
CALL_TIMED_OUT = -31001  # over MCP_CALL_TIMEOUT
STORE_UNAVAILABLE = -31002  # Redis does not answer; try again
TOO_MANY_STREAMS = -31003  # of subscriptions/listen; try again
JOB_OVER_LIMIT = -31004  # over its tool's time limit
JOB_GIVEN_UP = -31005  # no worker could finish it
NO_STREAM = -31006  # the caller takes no stream, and can only be asked over one
CALL_LOST = -31007  # its replica died; whether it took effect is not known
TOO_MANY_SESSIONS = -31008  # or streams of them; try again
QUEUE_FULL = -31009  # of jobs; try again
TOO_BUSY = -31010  # over MCP_CALL_CONCURRENCY for too long; try again
DATABASE_UNAVAILABLE = -31011  # the tools' database does not answer; try again

# The protocol's own, up to 2025-11-25.
RESOURCE_NOT_FOUND = -32002

EXIT_FINE = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_NOT_STARTED = 3
EXIT_LOST = 4  # a part of the process ended before its time


class McpSwarmError(Exception):
    """The root: one ``except`` catches all that this project raises on purpose."""


class ConfigError(McpSwarmError):
    """A setting has a value that cannot be used."""


class DiscoveryError(McpSwarmError):
    """A file below a discovered package cannot be served as it is."""


class StartError(McpSwarmError):
    """The server cannot start: a port in use, a database that does not answer."""
