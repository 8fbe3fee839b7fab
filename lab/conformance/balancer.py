"""HAProxy with the project's own configuration, unchanged, before replicas of the test."""

import csv
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lab.conformance.replicas import ROOT, SECONDS_TO_START, process, wait_until_ready
from lab.conformance.suite import missing
from lab.valkey import free_port

CONFIGURATION = ROOT / "deploy" / "haproxy" / "haproxy.cfg"
SLOW_START = 3.5  # seconds: haproxy.cfg's slowstart and a little


class HasPort(Protocol):
    """A replica, as far as the balancer needs to know it."""

    @property
    def port(self) -> int: ...


@dataclass(frozen=True)
class Balancer:
    """A running HAProxy: where clients call, its admin socket, its process."""

    url: str
    socket: Path
    pid: int

    def served(self) -> list[int]:
        """How many requests each replica has been given, by HAProxy's own count."""
        return [int(row["stot"]) for row in self.replicas()]

    def replicas(self, backend: str = "mcp") -> list[dict[str, str]]:
        """What HAProxy knows of each replica, its unused places for some included."""
        rows = csv.DictReader(self.ask("show stat").removeprefix("# ").splitlines())
        return [row for row in rows if row["pxname"] == backend and row["type"] == "2"]

    def wait_until_even(self) -> None:
        """Return when each replica gets its share: from 3.1 on, one is down until it was looked at.

        What is up after it was down starts slowly (haproxy.cfg's slowstart).
        """
        deadline = time.monotonic() + SECONDS_TO_START
        while any(row["check_status"] == "INI" for row in self._all()):
            if time.monotonic() > deadline:
                raise AssertionError(f"replicas were not looked at: {self._all()}")
            time.sleep(0.02)
        if self.version >= (3, 1):
            time.sleep(SLOW_START)

    @property
    def version(self) -> tuple[int, ...]:
        """Of HAProxy: (2, 6)."""
        found = re.search(r"^Version: (\d+)\.(\d+)", self.ask("show info"), re.MULTILINE)
        assert found, "HAProxy does not say its version"
        return tuple(int(part) for part in found.groups())

    def _all(self) -> list[dict[str, str]]:
        names = ("mcp", "streams", "live")
        found = [row for name in names for row in self.replicas(name)]
        return [row for row in found if row["status"] != "MAINT"]

    def stop(self) -> None:
        """Has it stop softly: what `docker service update` sends first."""
        os.kill(self.pid, signal.SIGUSR1)

    def ask(self, command: str) -> str:
        """What the admin socket answers to `command`."""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(self.socket))
            admin.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: admin.recv(65536), b"")).decode()


@contextmanager
def balancer(
    folder: Path,
    replicas: Sequence[HasPort],
    configuration: Path = CONFIGURATION,
    **settings: str,
) -> Iterator[Balancer]:
    """Balance over `replicas` by request and in turn: each one meets the next replica.

    Round robin instead of the least connections of production: a sequence of requests from one
    client would otherwise meet the same replica again and again. `settings` are those of
    haproxy.cfg; without `replicas` they say whom to ask for them. A control run has another
    `configuration`.
    """
    with ExitStack() as stack:
        for left in reversed(range(5)):
            try:
                running = stack.enter_context(
                    _on_free_ports(folder, replicas, configuration, settings)
                )
                break
            except AssertionError as error:  # someone else may have taken one meanwhile
                if not left or "Address already in use" not in str(error):
                    raise
        yield running


@contextmanager
def _on_free_ports(
    folder: Path, replicas: Sequence[HasPort], configuration: Path, settings: Mapping[str, str]
) -> Iterator[Balancer]:
    program = haproxy()
    port, admin = free_port(), free_port()
    env = {
        "PATH": os.environ["PATH"],
        "LB_BALANCE": "roundrobin",
        "LB_BIND": f"127.0.0.1:{port}",
        "LB_ADMIN_BIND": f"127.0.0.1:{admin}",
        "LB_CLIENTS": "200",
        "LB_MAXCONN": "400",
        "LB_RUN": str(folder),
        **{f"LB_SERVER_{n}": f"127.0.0.1:{r.port}" for n, r in enumerate(replicas, start=1)},
        **settings,
    }
    log = folder / "haproxy.log"
    with process([program, "-db", "-f", str(configuration)], log, env) as child:
        wait_until_ready(f"http://127.0.0.1:{admin}/readyz", child, log)
        made = Balancer(f"http://localhost:{port}/mcp", folder / "haproxy.sock", child.pid)
        made.wait_until_even()
        yield made


def haproxy() -> str:
    """Path of HAProxy: HAPROXY, or what is found; on a CI machine that may, it is installed."""
    if chosen := os.environ.get("HAPROXY"):
        return chosen
    found = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None and os.environ.get("CI") == "true" and os.geteuid() == 0:
        subprocess.run(["apt-get", "install", "-qy", "haproxy"], check=False, timeout=300)
        found = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        missing("haproxy", "install HAProxy 2.6 or newer (Debian: apt-get install haproxy)")
    return str(found)
