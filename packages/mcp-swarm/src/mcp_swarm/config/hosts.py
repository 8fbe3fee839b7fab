"""Types of hosts in settings, with errors that say what was expected."""

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic_settings import NoDecode

from mcp_swarm.config.lists import Split

_NAME = re.compile(r"[A-Za-z0-9_*?.-]+")
_ORIGIN = re.compile(r"[A-Za-z][\w+.-]*://[^/@\s]+/?")


def _address(value: str) -> str:
    if value.startswith("[") and _is_ipv6(value[1:-1]) and value.endswith("]"):
        return value[1:-1]
    if not _NAME.fullmatch(value) and not _is_ipv6(value):
        port = " The port is set by MCP_PORT." if re.search(r":\d+$", value) else ""
        raise ValueError(
            f"it is not an address.{port} Expected one such as 127.0.0.1, 0.0.0.0, ::1 or a name"
        )
    return value


def _served(value: str) -> str:
    name = re.sub(r":\d+$", "", value)
    bracketed = name.startswith("[") and name.endswith("]") and _is_ipv6(name[1:-1])
    if not _NAME.fullmatch(name) and not bracketed and not _is_ipv6(value):
        host = urlsplit(value).netloc.rpartition("@")[2] if "://" in value else ""
        meant = f"Write {host!r}" if host else "Expected one such as mcp.example.com, *.example.com"
        raise ValueError(f"it is not a host name. {meant}")
    return value


def _page(value: str) -> str:
    if value not in ("*", "null") and not _ORIGIN.fullmatch(value):
        raise ValueError(
            "it is not an origin. Expected a scheme and a host without a path: https://app.example.com"
        )
    return value


def _is_ipv6(value: str) -> bool:
    try:
        ipaddress.IPv6Address(value)
    except ValueError:
        return False
    return True


Address = Annotated[str, AfterValidator(_address)]
ServedHosts = Annotated[tuple[Annotated[str, AfterValidator(_served)], ...], NoDecode, Split]
PageOrigins = Annotated[tuple[Annotated[str, AfterValidator(_page)], ...], NoDecode, Split]
