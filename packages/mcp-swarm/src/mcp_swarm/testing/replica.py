"""A replica of the service as a process of its own, on a free port."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

SECONDS_TO_START = 60.0
SECONDS_TO_STOP = 40.0
_LISTENS = re.compile(r"listening on http://127\.0\.0\.1:(\d+)")


class Replica:
    """A running ``python -m server``.

    Args:
        folder: for its log and its SQLite database.
        project: where the package `server` is.
        settings: environment names and values, beside the defaults.

    Raises:
        AssertionError: it is not ready in time; with its log.
    """

    def __init__(self, folder: Path, project: Path, settings: dict[str, object]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "replica.log"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        defaults = {
            "PYTHONPATH": os.pathsep.join([str(project), *filter(None, sys.path)]),
            "MCP_HOST": "127.0.0.1",
            "MCP_PORT": "0",
            "MCP_DRAIN_SECONDS": "0",
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'test.db'}",
        }
        given = {name: str(value) for name, value in settings.items()}
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "server"],
                cwd=folder,
                env={**kept, **defaults, **given},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.base = self._ready()
        self.url = f"{self.base}/mcp"

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(errors="replace")

    def stop(self) -> int:
        """Stops it as Swarm does, and returns its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()

    def _ready(self) -> str:
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline and self._process.poll() is None:
            if found := _LISTENS.search(self.log):
                base = f"http://127.0.0.1:{found[1]}"
                try:
                    with urllib.request.urlopen(f"{base}/readyz", timeout=5):  # noqa: S310
                        return base
                except OSError:
                    pass
            time.sleep(0.02)
        self.stop()
        raise AssertionError(f"the server is not ready. Its log:\n{self.log}")
