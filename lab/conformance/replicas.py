"""Replica processes of the everything-server, on free ports, ended with the test."""

import os
import re
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS_TO_START = 60
SECONDS_TO_STOP = 10


@dataclass(frozen=True)
class Replica:
    """A running replica: its name, its port on the loopback, its log."""

    name: str
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where its MCP endpoint is; `localhost`, as the suite's Host checks demand."""
        return f"http://localhost:{self.port}/mcp"


def new_key() -> str:
    """A fresh key for MCP_REQUEST_STATE_KEYS."""
    return secrets.token_hex(32)


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when `url` answers 200; fail with the log if `process` ends or time runs out."""
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{url} never answered 200. Its log:\n{log.read_text()[-3000:]}")


@contextmanager
def process(
    command: list[str], log: Path, env: dict[str, str], cwd: Path = ROOT
) -> Iterator[subprocess.Popen[bytes]]:
    """A child process, its output in `log`; asked to end, then made to, on the way out."""
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, env=env, cwd=cwd) as child,
    ):
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                child.kill()


@contextmanager
def replica(
    folder: Path,
    name: str,
    *arguments: str,
    module: str = "lab.conformance.serve",
    **settings: str,
) -> Iterator[Replica]:
    """One replica of `module` with `settings` (environment variables), ready to serve.

    With the argument `worker` it runs jobs instead.
    """
    log = folder / f"{name}.log"
    # Nothing of the caller's own settings may leak in: the run must be the same everywhere.
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "SYSTEMROOT")}
    env = {
        **kept,
        "PYTHONPATH": str(ROOT),
        "MCP_HOST": "127.0.0.1",
        "MCP_PORT": "0",
        "MCP_NAME": "everything",
        "MCP_REPLICA": name,
        "MCP_JSON_RESPONSE": "false",
        "MCP_DRAIN_SECONDS": "0",
        **settings,
    }
    command = [sys.executable, "-m", module, *arguments]
    with process(command, log, env, folder) as child:
        port = _port(child, log)
        wait_until_ready(f"http://127.0.0.1:{port}/readyz", child, log)
        yield Replica(name, port, log)


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    """The port that the log says is listened on."""
    deadline = time.monotonic() + SECONDS_TO_START
    while not (found := re.search(r"listening on http://[^ ]*:(\d+)/", log.read_text())):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"it listens nowhere. Its log:\n{log.read_text()[-3000:]}")
        time.sleep(0.05)
    return int(found[1])


@contextmanager
def replicas(folder: Path, keys: list[str], **settings: str) -> Iterator[list[Replica]]:
    """One replica with `settings` for each of `keys`, which seal its input rounds."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                replica(folder, f"replica-{n}", MCP_REQUEST_STATE_KEYS=key, **settings)
            )
            for n, key in enumerate(keys, start=1)
        ]
