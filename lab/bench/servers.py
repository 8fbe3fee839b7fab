"""Contenders as processes: started, asked for their CPU time and memory, ended."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from lab.valkey import free_port

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NODE = HERE / "node"
OURS = ("MCP_", "AUTH_", "FASTMCP_", "REDIS_")  # settings of whoever runs it, not of the comparison
_TICK = os.sysconf("SC_CLK_TCK")


class CannotRunError(Exception):
    """A contender that this machine cannot run, with the reason."""


class Server:
    """A running contender.

    Attributes:
        ready_after: seconds from its start to its first accepted connection.
    """

    def __init__(self, name: str, group: str, folder: Path, redis_url: str = "") -> None:
        self.name = name
        self.port = free_port()
        flags = [f"--{group}"] if group != "small" else []
        began = time.monotonic()
        with (folder / f"{name}-{group}-{self.port}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [*_command(name), str(self.port), *flags],
                cwd=folder,
                env=_environment() | ({"REDIS_URL": redis_url} if redis_url else {}),
                stdout=log,
                stderr=log,
            )
        while not self._accepts():
            if self.process.poll() is not None or time.monotonic() - began > 60:
                said = Path(log.name).read_text(errors="replace")[-2000:]
                self.end()
                raise CannotRunError(f"it did not start: {said}")
            time.sleep(0.01)
        self.ready_after = time.monotonic() - began

    def cpu(self) -> float:
        """Seconds of CPU that the process has used, all threads, system time too."""
        return cpu(self.process.pid)

    def memory(self) -> float:
        """Resident memory, MB."""
        return memory(self.process.pid)

    def end(self) -> None:
        """No process is left."""
        self.process.kill()
        self.process.wait()

    def _accepts(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, all threads, system time too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def memory(pid: int) -> float:
    """Resident memory of a process, MB.

    Raises:
        RuntimeError: there is no such figure: this needs Linux.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS: this needs Linux")


def _command(name: str) -> list[str]:
    if name != "typescript":
        return [sys.executable, "-m", "lab.bench.contender", name]
    node = shutil.which("node")
    if node is None:
        raise CannotRunError("no node on the PATH")
    if not (NODE / "node_modules").is_dir():
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund"], cwd=NODE, capture_output=True, check=False
        )
        if done.returncode:
            raise CannotRunError(f"npm ci: {done.stderr.decode()[-300:]}")
    return [node, str(NODE / "server.mjs")]


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
    return {**kept, "PYTHONPATH": str(ROOT)}
