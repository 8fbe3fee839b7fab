"""A node of the lab: a Docker engine in namespaces of its own.

Its own process namespace makes killing certain: with the engine die its shims and containers,
by the kernel. Its own mount namespace takes every mount along. ``ip netns exec`` would not do:
it hides the control groups, and the engine stops.
"""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from lab.swarm import network, places
from lab.swarm.commands import CommandError, run
from lab.swarm.engine import Engine

START_SECONDS = 60


class Node:
    """Node ``number`` of the lab; 0 is the builder, which has this machine's network."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.data = places.DATA / f"n{number}"
        self.engine = Engine(places.RUN / f"n{number}.sock")
        self.address = places.address(number)
        self._log = places.RUN / f"n{number}.log"
        self._pid = places.RUN / f"n{number}.pid"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the engine; `wait` tells when it answers."""
        places.RUN.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for the tests, which then end us in order
            )
        self._pid.write_text(str(self._process.pid))

    def _command(self) -> list[str]:
        name = network.namespace(self.number)
        run_folder = places.RUN / f"n{self.number}"
        engine = [
            *("dockerd", "--data-root", str(self.data), "--exec-root", str(run_folder)),
            *("--pidfile", str(run_folder) + ".docker", "-H", f"unix://{self.engine.socket}"),
            *("--storage-driver", "overlay2", "--exec-opt", "native.cgroupdriver=cgroupfs"),
            *("--cgroup-parent", f"/{places.CGROUP}/n{self.number}"),
        ]
        enter: list[str] = []
        if self.number:
            enter = ["nsenter", f"--net=/run/netns/{name}"]
        else:  # the builder only builds, with the machine's own network: no bridge and no rule
            engine += ["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"]
        apart = ["unshare", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        # docker-init is process 1 there: it passes signals on and buries the orphaned.
        shell = 'hostname "$0" && exec docker-init -- "$@"'
        return [*enter, *apart, "sh", "-c", shell, name, *engine]

    def wait(self) -> None:
        """Returns when the engine answers.

        Raises:
            CommandError: it ended, or took too long; with the last lines of its log.
        """
        deadline = time.monotonic() + START_SECONDS
        while not self.engine.answers():
            if time.monotonic() > deadline or not self.is_running():
                last = "\n".join(self._log.read_text().splitlines()[-8:])
                raise CommandError(f"the engine of node {self.number} does not answer:\n{last}")
            time.sleep(0.2)

    def is_running(self) -> bool:
        """Whether the node's processes live (an ended one that is not waited for does not)."""
        with contextlib.suppress(OSError, ValueError):
            return _state(int(self._pid.read_text())) not in ("Z", "")
        return False

    def stop(self) -> None:
        """Stops the engine in order: its files are complete afterwards."""
        if not self.is_running():
            return
        with contextlib.suppress(ProcessLookupError):  # process 1 inside is the only child
            os.kill(_child(int(self._pid.read_text())), signal.SIGTERM)
        deadline = time.monotonic() + 30
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.end()

    def kill(self) -> None:
        """The power goes: everything on the node dies at once, its cable dead too."""
        network.set_cable(self.number, "down")
        self.end()

    def revive(self) -> None:
        """The power is back: the same disk, the same place in the Swarm."""
        network.set_cable(self.number, "up")
        for leftover in (f"n{self.number}.docker", f"n{self.number}.sock"):
            (places.RUN / leftover).unlink(missing_ok=True)
        run("rm", "-rf", str(places.RUN / f"n{self.number}"))
        self.start()
        self.wait()

    def end(self) -> None:
        """Ends every process of the node at once."""
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(self._pid.read_text()), signal.SIGKILL)  # unshare: process 1 goes along
        if self._process:
            self._process.wait()


def _state(pid: int) -> str:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0]


def _child(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else pid
