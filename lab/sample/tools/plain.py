"""Tools that answer at once."""

import logging
import os
import socket
import sys

import fastmcp
from fastmcp.server.dependencies import get_access_token
from fastmcp.tools import tool

from lab.sample.lists import IMPORTED, SEEN

logger = logging.getLogger(__name__)
IMPORTED.append(__name__)


@tool
def echo(text: str) -> str:
    """Give back what came."""
    return text


@tool
def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b


@tool
def fail() -> str:
    """Fail with an error that tells a secret."""
    raise RuntimeError("the password is hunter2")


@tool
def who() -> dict[str, str | None]:
    """Tell whom the server takes the caller for."""
    token = get_access_token()
    if token is None:
        return {"client": None}
    return {
        "client": token.client_id,
        "subject": token.subject,
        "tenant": token.claims.get("tenant"),
        "scopes": " ".join(token.scopes),
    }


@tool
def log(text: str) -> str:
    """Write a line of the tool's own into the log."""
    logger.info("the tool says %s", text)
    return "written"


@tool
def seen() -> list[str]:
    """The MCP messages that passed through the middleware, this call last."""
    return SEEN


@tool
def imported() -> list[str]:
    """The modules that were imported, by the name under which that happened."""
    return IMPORTED


@tool
def loaded(modules: list[str]) -> list[str]:
    """Those of `modules` that this process has imported."""
    return [name for name in modules if name in sys.modules]


@tool
def fastmcp_setting(name: str) -> str:
    """One of FastMCP's own settings, as this process has it."""
    return str(getattr(fastmcp.settings, name))


@tool
def order() -> str:
    """The order of a set of words, which differs between processes with random hashing."""
    return " ".join({"one", "two", "three", "four", "five", "six"})


@tool
def host() -> dict[str, str]:
    """Where this process runs."""
    return {"pid": str(os.getpid()), "host": socket.gethostname()}
