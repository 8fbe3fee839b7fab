"""A service of ten replicas here, behind the project's balancer, scaled as on a Swarm: by name.

Each replica has an address of its own on the loopback and the same port as the others, as tasks
of a Swarm service have. The balancer asks a name server for them, with its own configuration.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lab import replica as replicas
from lab.conformance.balancer import Balancer, balancer
from lab.prove.names import Names, names
from lab.replica import Replica
from lab.valkey import free_port

# What haproxy.cfg gives a replica to come to its full share (slowstart), and a moment.
SECONDS_TO_SHARE = 3.5
SECONDS_TO_SEE = 30.0


@dataclass
class Service:
    """Replicas that all run; the balancer knows those that the name stands for."""

    replicas: list[Replica]
    balancer: Balancer
    names: Names

    @property
    def port(self) -> int:
        """Where clients call."""
        return urlsplit(self.balancer.url).port or 0

    def scale(self, count: int) -> None:
        """Has the name stand for the first `count`; returns when each has its full share."""
        self.names.addresses = [address(number) for number in range(count)]
        wait_until_up(self.balancer, count)
        time.sleep(SECONDS_TO_SHARE)


def address(number: int) -> str:
    """Of a replica: any of the loopback network may be listened on."""
    return f"127.0.{1 + number // 250}.{1 + number % 250}"


@contextmanager
def service(folder: Path, count: int, packages: tuple[str, ...], **lb: str) -> Iterator[Service]:
    """Running; `lb` are settings of haproxy.cfg."""
    port = free_port()
    with ExitStack() as stack:
        made = []
        for number in range(count):
            started = replicas.start(
                folder / f"replica-{number}",
                packages=packages,
                MCP_HOST=address(number),
                MCP_PORT=port,
                MCP_REPLICA=f"replica-{number}",
            )
            stack.callback(started.end)
            made.append(started)
        found = stack.enter_context(names([address(0)]))
        yield Service(made, stack.enter_context(balanced(folder, found, port, **lb)), found)


@contextmanager
def balanced(folder: Path, found: Names, port: int, **lb: str) -> Iterator[Balancer]:
    """The balancer, for whatever the name stands for."""
    asked = {"LB_NAME": "tasks.mcp", "LB_PORT": str(port), "LB_DNS": found.at}
    with balancer(folder, (), LB_BALANCE="leastconn", **asked, **lb) as running:
        yield running


def wait_until_up(of: Balancer, count: int) -> None:
    """Until it sends to so many replicas.

    Raises:
        RuntimeError: it does not come to that.
    """
    deadline = time.monotonic() + SECONDS_TO_SEE
    while (up := sum(row["status"] == "UP" for row in of.replicas())) != count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the balancer sends to {up} replicas, not to {count}")
        time.sleep(0.1)
