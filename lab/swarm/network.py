"""The lab's network: a bridge in a namespace of its own, and a cable from it to each node.

This machine is one more end of that bridge. Nothing is routed or translated here, so no
firewall rule is needed and none can be left behind; with its namespace the bridge is gone.
"""

import shutil

from lab.swarm import places
from lab.swarm.commands import run


def build() -> None:
    """Makes the bridge and plugs this machine in."""
    _ip("netns", "add", places.SWITCH)
    _inside(places.SWITCH, "link", "add", "br0", "type", "bridge")
    _inside(places.SWITCH, "link", "set", "br0", "up")
    _ip("link", "add", places.CABLE, "type", "veth", "peer", "name", "port0")
    _ip("link", "set", "port0", "netns", places.SWITCH)
    _inside(places.SWITCH, "link", "set", "port0", "master", "br0", "up")
    _ip("addr", "add", f"{places.address(254)}/24", "dev", places.CABLE)
    _ip("link", "set", places.CABLE, "up")


def plug_in(number: int) -> None:
    """Makes the namespace of node ``number`` and connects it.

    It gets no default route: an engine that could look for a registry would wait for it.
    """
    node, port = namespace(number), f"port{number}"
    _ip("netns", "add", node)
    _inside(
        places.SWITCH, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", node
    )
    _inside(places.SWITCH, "link", "set", port, "master", "br0", "up")
    _inside(node, "addr", "add", f"{places.address(number)}/24", "dev", "eth0")
    _inside(node, "link", "set", "eth0", "up")
    _inside(node, "link", "set", "lo", "up")


def set_cable(number: int, state: str) -> None:
    """Cuts (``down``) or mends (``up``) the cable of node ``number``."""
    _inside(places.SWITCH, "link", "set", f"port{number}", state)


def namespace(number: int) -> str:
    """The name of node ``number``'s network namespace, which is also its host name."""
    return f"{places.PREFIX}{number}"


def found() -> list[str]:
    """The lab's namespaces and links that exist now, as ``netns NAME`` and ``link NAME``."""
    if not shutil.which("ip"):
        return []
    names = [line.split()[0] for line in _ip("netns", "list").splitlines() if line]
    spaces = [f"netns {name}" for name in names if name.startswith(places.PREFIX)]
    links = [line.split()[1] for line in _ip("-o", "link").splitlines()]
    return spaces + [
        f"link {name.split('@')[0].rstrip(':')}" for name in links if name.startswith(places.PREFIX)
    ]


def remove() -> None:
    """Takes every namespace and link of the lab away."""
    for kind, name in (item.split() for item in found()):
        if kind == "netns":
            _ip("netns", "del", name)
    for kind, name in (item.split() for item in found()):
        if kind == "link":  # its other end may have gone already, and this one with it
            run("sh", "-c", f"ip link del {name} 2>/dev/null || true")


def _ip(*arguments: str) -> str:
    return run("ip", *arguments)


def _inside(space: str, *arguments: str) -> str:
    return run("ip", "-n", space, *arguments)
