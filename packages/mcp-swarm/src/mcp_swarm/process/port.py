"""The port that a replica or a worker listens on: ``MCP_HOST``, ``MCP_PORT``, ``MCP_REUSE_PORT``."""

import logging
import socket

from mcp_swarm.config import ServiceSettings
from mcp_swarm.errors import StartError

logger = logging.getLogger(__name__)


def listening_socket(settings: ServiceSettings, path: str = "/mcp") -> socket.socket:
    """Returns the socket to listen on, and logs the URL of `path`.

    Raises:
        StartError: the server cannot listen on the port.
    """
    family = socket.AF_INET6 if ":" in settings.mcp_host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if settings.mcp_reuse_port:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listening.bind((settings.mcp_host, settings.mcp_port))
    except OSError as error:
        listening.close()
        raise StartError(
            f"Cannot listen on MCP_HOST {settings.mcp_host!r}, MCP_PORT {settings.mcp_port}: "
            f"{error.strerror}. Next: stop what uses the port, or set MCP_PORT to a free one."
        ) from error
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    logger.info("listening on http://%s:%s%s", shown, port, path)
    return listening
