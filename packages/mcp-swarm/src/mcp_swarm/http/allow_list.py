"""The allow-list of outbound hosts and addresses: the entries of ``MCP_OUTBOUND_HOSTS``.

| entry | allows |
|---|---|
| ``api.example.com`` | that name, ports 80 and 443, at public addresses |
| ``api.example.com:8443`` | that name at that port only |
| ``*.example.com`` | every name below it, not the domain itself; a port may follow |
| ``10.0.0.7:9000`` | that address and port, even if it is private |
| ``10.0.1.0/24`` | no host by itself; allows *listed names* to resolve into this network |
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from fastmcp.exceptions import ToolError

from mcp_swarm.errors import ConfigError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_PORTS: Final = (80, 443)

_NAME = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# Not public, although older Pythons say so (RFC 6890, RFC 7526).
_SPECIAL = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("192.88.99.0/24"))
# Addresses of IPv6 that tunnel to an address of IPv4, public or not (RFC 3056, 4380, 5214).
_TUNNELS = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("2001::/32"))
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")


class RequestNotAllowed(ToolError):
    """A call that the operator did not allow. The message is meant for the client."""


@dataclass(frozen=True, slots=True)
class AllowList:
    """Raises ``RequestNotAllowed`` for hosts, and private addresses, that are not listed."""

    hosts: frozenset[tuple[str, int | None]]
    networks: tuple[Network, ...]

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Self:
        """Returns the allow-list of ``entries``. Raises ``ConfigError`` for a wrong entry."""
        hosts, networks = set(), []
        for entry in entries:
            parsed = _parse(entry)
            if isinstance(parsed, tuple):
                hosts.add(parsed)
            else:
                networks.append(parsed)
        return cls(frozenset(hosts), tuple(networks))

    def check_host(self, host: str, port: int) -> None:
        """Raises ``RequestNotAllowed`` unless an entry names ``host`` (ASCII) at ``port``."""
        if not any(_covers(entry, host.lower().rstrip("."), port) for entry in self.hosts):
            allowed = ", ".join(sorted(_written(*entry) for entry in self.hosts)) or "none"
            raise RequestNotAllowed(
                f"Calling {host[:253]!r} at port {port} is not allowed. Allowed are: {allowed}. "
                f"The operator allows it by adding {_written(host[:253], port)!r} "
                "to MCP_OUTBOUND_HOSTS."
            )

    def check_address(self, address: str, host: str, port: int) -> None:
        """Raises ``RequestNotAllowed`` if ``address``, to which ``host`` resolved, is private, unlisted."""
        parsed = ipaddress.ip_address(address)
        if is_public(parsed) or any(parsed in network for network in self.networks):
            return
        if any(_covers(entry, str(parsed), port) for entry in self.hosts):
            return
        raise RequestNotAllowed(
            f"{host!r} resolves to an address that is not public, and calls into the inner network "
            f"are not allowed. The operator allows it by adding {_written(address, port)!r} "
            "or a network to MCP_OUTBOUND_HOSTS."
        )


def is_public(address: Address) -> bool:
    """Returns whether ``address`` is that of a public host, by the registries of IANA."""
    if any(address in network for network in (*_SPECIAL, *_TUNNELS)):
        return False
    if isinstance(address, ipaddress.IPv6Address) and (
        address not in _GLOBAL_UNICAST or address.packed[8:12] in _ISATAP
    ):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _covers(entry: tuple[str, int | None], host: str, port: int) -> bool:
    name, only_port = entry
    if port != only_port and (only_port is not None or port not in DEFAULT_PORTS):
        return False
    if name.startswith("*."):
        return host.endswith(name[1:]) and len(host) > len(name) - 1
    if host == name:
        return True
    try:  # the same address may be spelled in several ways
        return ipaddress.ip_address(host) == ipaddress.ip_address(name)
    except ValueError:
        return False


def _parse(entry: str) -> tuple[str, int | None] | Network:
    text = entry.strip().lower()
    try:
        if "/" in text:
            return ipaddress.ip_network(text)
        if text.count(":") > 1 and not text.startswith("["):
            return str(ipaddress.IPv6Address(text)), None
        host, port = _split_port(text)
        if host.startswith("["):
            return str(ipaddress.IPv6Address(host.strip("[]"))), port
        host = host.rstrip(".")
        if host.replace(".", "").isdigit():
            return str(ipaddress.IPv4Address(host)), port
        ascii_host = host if host.isascii() else host.encode("idna").decode()
    except ValueError as error:
        raise ConfigError(f"{_WRONG.format(entry)} {error}.") from error
    if not _NAME.fullmatch(ascii_host):
        raise ConfigError(f"{_WRONG.format(entry)} It is no host name.")
    return ascii_host, port


_WRONG = (
    "MCP_OUTBOUND_HOSTS has the entry {!r}. Expected a host, host:port, *.domain, an address, "
    "address:port or a network such as 10.0.1.0/24."
)


def _split_port(text: str) -> tuple[str, int | None]:
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?", text)
    if not match:
        raise ValueError("the port is not a number")
    port = int(match[2]) if match[2] else None
    if port is not None and not 1 <= port <= 65535:
        raise ValueError(f"port {port} is not between 1 and 65535")
    return match[1], port


def _written(host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port in (None, *DEFAULT_PORTS) else f"{shown}:{port}"
