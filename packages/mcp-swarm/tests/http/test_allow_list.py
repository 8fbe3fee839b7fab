"""`MCP_OUTBOUND_HOSTS`: which hosts, ports and addresses may be called."""

import pytest

from mcp_swarm.errors import ConfigError
from mcp_swarm.http import RequestNotAllowed
from mcp_swarm.http.allow_list import AllowList

PRIVATE = [
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255"),
    *("192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1"),
    *("198.51.100.7", "203.0.113.7", "240.0.0.1", "255.255.255.255", "192.0.0.8", "192.88.99.1"),
    *("::", "::1", "fe80::1", "fe80::1%1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "100::1"),
    *("2606:4700::5efe:7f00:1", "fec0::1", "2001:10::1"),
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused_whatever_its_spelling(address):
    """A listed name that resolves to it is refused: private, tunnelled, mapped, reserved."""
    gate = AllowList.parse(["api.example"])

    with pytest.raises(RequestNotAllowed, match="not public"):
        gate.check_address(address, "api.example", 443)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_passes(address):
    """The check does not refuse everything."""
    AllowList.parse(["api.example"]).check_address(address, "api.example", 443)


@pytest.mark.parametrize(
    ("entry", "host", "port", "passes"),
    [
        ("api.example", "api.example", 443, True),
        ("api.example", "API.Example.", 80, True),
        ("api.example", "api.example", 8443, False),
        ("api.example", "www.api.example", 443, False),
        ("api.example", "xapi.example", 443, False),
        ("api.example:8443", "api.example", 8443, True),
        ("api.example:8443", "api.example", 443, False),
        ("*.example", "a.example", 443, True),
        ("*.example", "a.b.example", 443, True),
        ("*.example", "example", 443, False),
        ("*.example", "aexample", 443, False),
        ("*.example", ".example", 443, False),
        ("*.example:444", "a.example", 444, True),
        ("10.0.0.7:9000", "10.0.0.7", 9000, True),
        ("10.0.0.7:9000", "10.0.0.7", 9001, False),
        ("[::1]:9000", "::1", 9000, True),
        ("[::1]:9000", "0:0:0:0:0:0:0:1", 9000, True),
        ("127.0.0.1", "2130706433", 80, False),
        ("127.0.0.1", "127.1", 80, False),
        ("10.0.0.0/8", "10.0.0.7", 80, False),
        ("bücher.example", "xn--bcher-kva.example", 443, True),
    ],
)
def test_what_an_entry_lets_through(entry, host, port, passes):
    """Names match whole, wildcards below the domain only, ports exactly."""
    gate = AllowList.parse([entry])

    if passes:
        gate.check_host(host, port)
    else:
        with pytest.raises(RequestNotAllowed, match="MCP_OUTBOUND_HOSTS"):
            gate.check_host(host, port)


def test_an_address_or_network_in_the_list_is_consent():
    """An address with its port, or a network for listed names; nothing beside them."""
    gate = AllowList.parse(["api.example:80", "10.0.0.7:9000", "10.0.1.0/24", "fd00::/8"])

    gate.check_address("10.0.0.7", "10.0.0.7", 9000)
    gate.check_address("10.0.1.200", "api.example", 80)
    gate.check_address("fd00::5", "api.example", 80)
    for address, port in (("10.0.0.7", 80), ("10.0.0.8", 9000), ("10.0.2.1", 80)):
        with pytest.raises(RequestNotAllowed):
            gate.check_address(address, "api.example", port)


@pytest.mark.parametrize(
    "entry",
    ["*", "*.", "http://api.example", "api.example/v1", "a b", "api.example:99999", "a:b:c"],
)
def test_a_wrong_entry_is_told(entry):
    """The error names the setting and the entry."""
    with pytest.raises(ConfigError, match="MCP_OUTBOUND_HOSTS has the entry"):
        AllowList.parse([entry])
