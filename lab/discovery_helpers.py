"""Packages as a user drops them in, and what discovery finds in them."""

from typing import Any

import pytest
from fastmcp import FastMCP

from mcp_swarm.discovery import discover
from mcp_swarm.errors import DiscoveryError

TOOL = "from fastmcp.tools import tool\n\n@tool\ndef {name}() -> str:\n    return '{name}'\n"


def names(components: Any) -> list[str]:
    return [component.name for component in components]


def found(package: str, **options: Any) -> list[str]:
    """The names that discovery serves of it, in order."""
    return names(discover(FastMCP("t", on_duplicate="error"), package, **options))


def refusal(package: str, **options: Any) -> str:
    """The error with which discovery stops the start."""
    with pytest.raises(DiscoveryError) as caught:
        found(package, **options)
    return str(caught.value)
