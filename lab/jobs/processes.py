"""A service of real processes on this machine: replicas, workers, Valkey, and their trouble."""

import secrets
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import replica as replicas
from lab.replica import Replica
from lab.valkey import Valkey

REDELIVERY = 5.0


class Processes:
    """Two replicas and `workers` workers on one Valkey."""

    def __init__(
        self, folder: Path, packages: Sequence[str], workers: int, **settings: Any
    ) -> None:
        self._folder = folder
        self._packages = packages
        self._started: list[Replica] = []
        self.valkey = Valkey(folder / "valkey")
        self._settings = {
            "REDIS_URL": self.valkey.url,
            "MCP_REQUEST_STATE_KEYS": secrets.token_hex(32),
            "MCP_TASK_REDELIVERY_SECONDS": REDELIVERY,
            **settings,
        }
        self.replica = self._start()
        self.workers = [self._start(worker=True) for _ in range(workers)]

    def kill_worker(self, name: str) -> None:
        (victim,) = (worker for worker in self.workers if worker.folder.name == name)
        victim.kill(signal.SIGKILL)
        self.workers.remove(victim)
        self.workers.append(self._start(wait=False, worker=True))

    def start_worker(self) -> Replica:
        return self._start(worker=True)

    def roll_workers(self) -> None:
        for old in list(self.workers):
            old.wait_until_ready()
            self.workers.append(self._start(worker=True))  # start-first, as the stack does
            code = old.stop(seconds=60)
            assert code == 0, old.log
            self.workers.remove(old)

    def restart_redis(self) -> None:
        self.valkey.kill()
        self.valkey.start()

    def end(self) -> None:
        for process in self._started:
            process.end()
        self.valkey.end()

    def _start(self, *, wait: bool = True, **options: Any) -> Replica:
        folder = self._folder / f"process-{len(self._started)}"
        own = {**self._settings, **options, "MCP_REPLICA": folder.name}
        made = replicas.start(folder, packages=self._packages, **own)
        self._started.append(made)
        if wait:
            made.wait_until_ready()
            if options.get("worker"):  # it takes jobs from now on
                made.wait_for_log("Starting worker", seconds=60)
        return made


@contextmanager
def processes(
    folder: Path, packages: Sequence[str], workers: int = 2, **settings: Any
) -> Iterator[Processes]:
    """Started, and ended whatever happens."""
    made = Processes(folder, packages, workers, **settings)
    try:
        yield made
    finally:
        made.end()
