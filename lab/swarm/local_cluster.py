"""Three replicas on this machine behind the project's balancer: the short form of a Swarm.

Each request goes to the next replica. One that is killed is replaced after a moment by a new one
with a new name, as Swarm does.
"""

import itertools
import secrets
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from lab import replica as replicas
from lab.conformance.balancer import CONFIGURATION, Balancer, balancer
from lab.replica import Replica
from lab.valkey import Valkey, free_port

PACKAGES = ("lab.swarm.probe",)
SECONDS_TO_REPLACE = 1.0
SECONDS_TO_SEE = 2.0  # the balancer's check, once a second
# With sessions that any replica takes up, as in deploy/patterns/sessions.yml.
SESSIONS = {"MCP_STATELESS_HTTP": "false", "MCP_JSON_RESPONSE": "false"}


class Here:
    """A running service: `url` is where clients call, `balancer` what runs there."""

    balancer: Balancer
    valkey: Valkey

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.url = ""
        self._folder = folder
        self._settings = settings
        self._names = (f"replica-{number}" for number in itertools.count(1))
        self._running: dict[str, Replica] = {}
        self._replacing: list[threading.Thread] = []

    @property
    def names(self) -> list[str]:
        """The replicas that run."""
        return list(self._running)

    @property
    def pids(self) -> list[int]:
        """Of their processes."""
        return [made.process.pid for made in list(self._running.values())]

    def stored(self) -> int:
        """Bytes that Valkey has in use."""
        with self.valkey.client() as client:
            return int(client.info("memory")["used_memory"])

    def start(self) -> Replica:
        """One more replica, ready."""
        return self._start(free_port())

    def kill(self, name: str) -> None:
        """SIGKILL; a new replica comes in its place.

        Raises:
            KeyError: no replica has this name.
        """
        killed = self._running.pop(name)
        killed.kill(signal.SIGKILL)
        killed.wait()
        replacing = threading.Thread(target=self._replace, args=(killed.port,))
        self._replacing.append(replacing)
        replacing.start()

    def rotate(self, keys: Sequence[str]) -> None:
        """Gives all replicas these keys, one replica after another, as a rolling update does."""
        self._settings = {**self._settings, "MCP_REQUEST_STATE_KEYS": ",".join(keys)}
        for name in list(self._running):
            old = self._running.pop(name)
            old.stop()
            self._start(old.port)
            time.sleep(SECONDS_TO_SEE)

    def effects(self) -> dict[str, int]:
        """How many effects the probe's tools had, by run."""
        with closing(sqlite3.connect(self._folder / "shared.db")) as found:
            return dict(found.execute("SELECT run, count(*) FROM probe_effects GROUP BY run"))

    def is_whole(self) -> bool:
        """Whether every killed replica was replaced, and the balancer sends to it."""
        self._replacing = [thread for thread in self._replacing if thread.is_alive()]
        if self._replacing:
            return False
        rows = [row for name in ("mcp", "streams") for row in self.balancer.replicas(name)]
        return all(row["status"].startswith("UP") for row in rows)

    def wait(self) -> None:
        """Returns when every killed replica was replaced, and the balancer has seen it."""
        for thread in self._replacing:
            thread.join()
        if self._replacing:
            time.sleep(SECONDS_TO_SEE)
        self._replacing.clear()

    def end(self) -> None:
        """Whatever happened: no process is left."""
        self.wait()
        for made in self._running.values():
            made.end()

    def _replace(self, port: int) -> None:
        time.sleep(SECONDS_TO_REPLACE)
        self._start(port)

    def _start(self, port: int) -> Replica:
        name = next(self._names)
        own = {"MCP_PORT": port, "MCP_REPLICA": name}
        asked = {"packages": PACKAGES, **own, **self._settings}
        made = replicas.start(self._folder / name, **asked)
        self._running[name] = made
        made.wait_until_ready()
        return made


@contextmanager
def here(
    folder: Path,
    lb: dict[str, str] | None = None,
    configuration: Path = CONFIGURATION,
    **settings: Any,
) -> Iterator[Here]:
    """Three replicas that share a Valkey and a database, with `settings`.

    Among them may be `packages`, in place of the probe, and `without`, a protection to take away: see
    lab/controls.py. `lb` are settings of the balancer, whose `configuration` may be another.
    """
    with ExitStack() as stack:
        valkey = Valkey(folder / "valkey", appendfsync="always", maxmemory="192mb")
        stack.callback(valkey.end)
        shared = {
            "REDIS_URL": valkey.url,
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/shared.db",
            "MCP_REQUEST_STATE_KEYS": secrets.token_hex(32),
        }
        service = Here(folder, {**shared, **settings})
        service.valkey = valkey
        stack.callback(service.end)
        started = [service.start() for _ in range(3)]
        service.balancer = stack.enter_context(
            balancer(folder, started, configuration, **(lb or {}))
        )
        service.url = service.balancer.url
        yield service
