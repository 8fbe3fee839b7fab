"""A stop that does not end streams."""

from lab.controls import nothing
from mcp_swarm import framework, serve

CONTROLS = {
    "drain-switch": lambda: setattr(framework, "keep_streams_on_sigterm", nothing),
    "listen-handler": lambda: setattr(framework, "serve_listen", nothing),
    "stream-closing": lambda: setattr(serve.Service, "close_streams", nothing),
}
