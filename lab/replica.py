"""A replica as a process of its own: started on a free port, always ended.

Most are forked from one process that has imported the server already, which takes a tenth of a
second instead of two; `fresh` ones are started from a command line as an operator's are.
"""

import asyncio
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.service_name import NAME

ROOT = Path(__file__).parents[1]
SAMPLE = tuple(f"lab.sample.{kind}" for kind in ("tools", "resources", "prompts"))
SECONDS_TO_START = 90.0  # a fresh one's imports may take long on a busy machine
SECONDS_TO_STOP = 30.0  # less than uvicorn waits for what holds the exit
SECONDS_TO_TELL = 60.0

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "lab.serve",
        "mcp_swarm.process.drain",
        "uvicorn.protocols.http.auto",
        "uvicorn.protocols.websockets.auto",
        "uvicorn.lifespan.on",
        "griffe",  # FastMCP reads docstrings with it
        # What is imported with the first job and the first database, which takes half a second.
        "docket",
        "fastmcp_tasks",
        "sqlalchemy.ext.asyncio",
        "aiosqlite",
    ]
)


def environment(folder: Path, settings: dict[str, Any]) -> dict[str, str]:
    """Of a replica: nothing of the caller's own settings may leak in."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")}
    own = {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "packages/mcp-swarm/src")]),
        "MCP_HOST": "127.0.0.1",
        "MCP_PORT": "0",
        "MCP_NAME": NAME,
        "MCP_REPLICA": "tested",
        "MCP_DRAIN_SECONDS": "0",
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/test.db",
        "MCP_SAMPLE_DATA": "true",
    }
    return {**kept, **own, **{name.upper(): str(value) for name, value in settings.items()}}


def _forked(arguments: Sequence[str], env: dict[str, str], folder: str, log: str) -> None:
    """What a forked replica runs: its output, environment and folder are its own."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    from lab import serve

    sys.exit(serve.main(arguments))


@dataclass
class Replica:
    """A running replica, or one that has ended."""

    folder: Path
    log_file: Path
    process: Any
    port: int = 0
    _ended: int | None = field(default=None, repr=False)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.base}/mcp"

    @property
    def log(self) -> str:
        """All that it has written so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def kill(self, number: int = signal.SIGTERM) -> None:
        os.kill(self.process.pid, number)

    def wait(self, seconds: float = SECONDS_TO_STOP) -> int:
        """The exit code, as a shell tells it; fails if the process does not end in time."""
        deadline = time.monotonic() + seconds
        while (code := self._code()) is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"still running after {seconds:g} s. Its log:\n{self.log}")
            time.sleep(0.01)
        return code

    def stop(self, number: int = signal.SIGTERM, seconds: float = SECONDS_TO_STOP) -> int:
        """Sends the signal and waits for the exit code."""
        self.kill(number)
        return self.wait(seconds)

    def end(self) -> None:
        """Whatever happened: no process is left."""
        if self._code() is None:
            with suppress(ProcessLookupError):  # it has ended just now, of itself
                self.kill(signal.SIGKILL)
            self.wait()

    def wait_for_log(self, pattern: str, seconds: float = SECONDS_TO_TELL) -> re.Match[str]:
        """The first place in the log that matches `pattern`; waits for it."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.log, re.MULTILINE)):
            if time.monotonic() > deadline:
                raise AssertionError(f"{pattern!r} is not in the log:\n{self.log}")
            time.sleep(0.02)
        return found

    async def logged(self, pattern: str) -> re.Match[str]:
        """The same while the test's own calls go on."""
        return await asyncio.to_thread(self.wait_for_log, pattern)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline and self._code() is None:
            if found := re.search(r"listening on http://[^ ]*:(\d+)/", self.log):
                self.port = int(found[1])
                try:
                    with urllib.request.urlopen(f"{self.base}/readyz", timeout=5):
                        return
                except OSError:
                    pass
            time.sleep(0.02)
        raise AssertionError(f"never ready, exit code {self._code()}. Its log:\n{self.log}")

    def _code(self) -> int | None:
        if isinstance(self.process, subprocess.Popen):
            return self.process.poll()
        return self.process.exitcode


def start(
    folder: Path,
    packages: Sequence[str] = SAMPLE,
    without: Sequence[str] = (),
    worker: bool = False,
    **settings: Any,
) -> Replica:
    """A replica that serves `packages`, or a worker on them, forked; not ready yet."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "replica.log"
    arguments = [*packages, *(f"--without={name}" for name in without)]
    arguments += ["--worker"] if worker else []
    env = environment(folder, settings)
    process = _FORKS.Process(target=_forked, args=(arguments, env, str(folder), str(log)))
    process.start()
    return Replica(folder, log, process)


def run(folder: Path, *command: str, cwd: Path | None = None, **settings: Any) -> Replica:
    """`python *command`, fresh; not ready yet."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "replica.log"
    env = environment(folder, settings)
    if cwd:
        env["PYTHONPATH"] = str(cwd)
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, *command], stdout=out, stderr=out, env=env, cwd=cwd or folder
        )
    return Replica(folder, log, process)
