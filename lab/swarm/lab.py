"""The lab: a Docker Swarm of several nodes on this one machine, which must be Debian, as root.

From the command line, to play with it::

    python -m lab.swarm.lab up 3          three nodes, with the image built
    python -m lab.swarm.lab deploy        a Swarm of them with the stack on it
    python -m lab.swarm.lab docker 1 ps   any docker command on node 1
    python -m lab.swarm.lab kill 2        node 2 loses its power; `revive 2` gives it back
    python -m lab.swarm.lab down          nothing is left
"""

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Self

from lab.swarm import cleanup, images, network, places
from lab.swarm.cluster import Cluster
from lab.swarm.commands import PROJECT, CommandError, run
from lab.swarm.deployment import Deployment
from lab.swarm.node import Node

# Program → the Debian package that brings it.
PROGRAMS = {
    "dockerd": "docker.io",
    "docker": "docker-cli",  # in docker.io itself up to Debian 12
    "iptables": "iptables",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "unshare": "util-linux",
}


class Lab:
    """A lab of ``size`` nodes. As a context manager it is taken down whatever happens.

    Args:
        size: How many nodes.
        bare: Without any image, and so in seconds.
        copies: Copies of the project that a node shall be able to build without a package index.
    """

    def __init__(self, size: int, *, bare: bool = False, copies: Sequence[Path] = ()) -> None:
        self._bare = bare
        self._copies = copies
        self.nodes = [Node(number) for number in range(1, size + 1)]
        self.seconds: dict[str, float] = {}
        self._lock: IO[str] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._lock = _take_lock()
        self._guard = _start_guard(self._lock)
        try:
            self.up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.down()
        finally:
            if self._guard:
                self._guard.communicate(b"down already")
            if self._lock:
                self._lock.close()

    def up(self) -> None:
        """Brings everything up from nothing; the nodes' engines answer, each on its own yet."""
        builder = Node(0)
        steps = {
            "install": install,
            "sweep": cleanup.sweep,
            "build images": lambda: None if self._bare else images.make_all(builder, self._copies),
            "network": network.build,
            "nodes": lambda: self._start_nodes(builder),
        }
        try:
            for name, step in steps.items():
                started = time.monotonic()
                step()
                self.seconds[name] = time.monotonic() - started
        finally:
            builder.end()

    def _start_nodes(self, builder: Node) -> None:
        for node in self.nodes:
            network.plug_in(node.number)
            if not self._bare:
                images.hand_over(builder, node)
            node.start()
        images.drop(builder)
        with ThreadPoolExecutor() as pool:
            list(pool.map(Node.wait, self.nodes))

    def summary(self) -> str:
        """How long each step of coming up took."""
        return " · ".join(f"{step} {seconds:.1f} s" for step, seconds in self.seconds.items())

    def down(self) -> None:
        """Takes everything down; nothing of the lab is left on this machine."""
        for node in self.nodes:
            node.end()
        cleanup.sweep()

    def cluster(self, size: int) -> Cluster:
        """The first ``size`` nodes, to form a Swarm of."""
        nodes = self.nodes[:size]
        return Cluster([node.engine for node in nodes], [node.address for node in nodes])


def install() -> None:
    """Installs what is missing of the programs that the lab is made with."""
    missing = {package for program, package in PROGRAMS.items() if not shutil.which(program)}
    if "docker.io" in missing:
        missing.discard("docker-cli")
    if missing:
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-qq", env=environment, timeout=300)
        order = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", *sorted(missing))
        run(*order, env=environment, timeout=600)
        install()  # where docker.io comes without a client


def obstacle() -> str | None:
    """Why there can be no lab on this machine, or None."""
    if not sys.platform.startswith("linux"):
        return f"the lab needs Linux, this is {sys.platform}"
    if os.geteuid() != 0:
        return "the lab needs root, for namespaces and engines of its own"
    if not shutil.which("apt-get"):
        return "the lab needs Debian, to make base images of its packages"
    return None


def _take_lock() -> IO[str]:
    """One lab a machine: waits for another one's end.

    Raises:
        CommandError: it does not end.
    """
    lock = places.LOCK.open("w")
    for _ in range(600):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(1)
        else:
            return lock
    lock.close()
    raise CommandError(f"another lab holds {places.LOCK} for ten minutes already; end it first")


def _start_guard(lock: IO[str]) -> "subprocess.Popen[bytes]":
    """A process that takes the lab down if this one dies without doing so, even by SIGKILL.

    It has a session of its own, so no Ctrl-C reaches it, and holds the lock until it is done.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "lab.swarm.guard"],
        stdin=subprocess.PIPE,
        start_new_session=True,
        pass_fds=[lock.fileno()],
        cwd=PROJECT,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; exit codes 0 fine, 2 usage, 3 it did not work."""
    parser = argparse.ArgumentParser(
        prog="python -m lab.swarm.lab",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=["up", "deploy", "docker", "kill", "revive", "down"])
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="see above")
    given = parser.parse_args(arguments)
    try:
        return _do(given.verb, given.rest)
    except (CommandError, OSError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 3


def _do(verb: str, rest: list[str]) -> int:
    first = int(rest[0]) if rest and rest[0].isdigit() else 3
    if why := obstacle():
        raise CommandError(why)
    match verb:
        case "up":
            _take_lock().close()  # not while the tests have one
            Lab(first).up()
        case "deploy":
            _deploy_on_all()
        case "docker":
            print(Node(first).engine.docker(*rest[1:]))
        case "kill":
            Node(first).kill()
        case "revive":
            Node(first).revive()
        case "down":
            _take_lock().close()
            cleanup.sweep()
    return 0


def _deploy_on_all() -> None:
    size = sum(1 for folder in places.DATA.glob("n*"))
    if not size:
        raise CommandError("no lab is up. Next: python -m lab.swarm.lab up 3")
    cluster = Lab(size).cluster(size)
    cluster.form()
    deployment = Deployment(cluster, places.RUN / "secrets")
    deployment.deploy()
    print("\n".join(deployment.url(node) for node in range(1, size + 1)))


if __name__ == "__main__":
    sys.exit(main())
