"""What can go wrong before or around a call, as one small tree.

    McpSwarmError
    ├── ConfigError      a setting is wrong              exit 3 at start
    ├── DiscoveryError   a tool file is wrong            exit 3 at start
    └── StartError       something needed is not there   exit 3 at start

Every message says what, the value, what was expected and the next step. Messages reach the
operator's terminal, never a client: tools tell clients by ``fastmcp.exceptions.ToolError``.
"""

EXIT_FINE = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_NOT_STARTED = 3


class McpSwarmError(Exception):
    """The root: one ``except`` catches all that this project raises on purpose."""


class ConfigError(McpSwarmError):
    """A setting has a value that cannot be used."""


class DiscoveryError(McpSwarmError):
    """A file below a discovered package cannot be served as it is."""


class StartError(McpSwarmError):
    """The server cannot start: a port in use, a database that does not answer."""
