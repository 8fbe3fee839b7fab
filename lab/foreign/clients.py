"""Runs clients of others beside a test: each is a process with one connection and three callers."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.foreign import environments

# Name → its environment, and the script that runs in it.
CLIENTS = {
    "mcp 1.16": ("mcp_1_16", "sdk.py"),
    "mcp 1.30": ("mcp_1_30", "sdk.py"),
    "FastMCP 3": ("fastmcp_3", "fastmcp_client.py"),
    "langchain-mcp-adapters": ("langchain", "adapters.py"),
    "TypeScript SDK 1": ("typescript_1", "client.mjs"),
    "TypeScript SDK 2": ("typescript_2", "client.mjs"),
}
SECONDS_TO_END = 90


@dataclass(frozen=True)
class Seen:
    """What one client saw."""

    answered: int = 0
    errors: int = 0
    hung: int = 0  # calls that had no answer for nearly a minute
    slowest: float = 0.0  # seconds until the last answer or error came
    lost: str = ""  # why it could not go on; empty if it could
    messages: dict[str, int] = field(default_factory=dict)  # of errors, how often


def command(name: str) -> list[str]:
    """How the client is started, without its URL; its environment is made if need be."""
    environment, script = CLIENTS[name]
    if script.endswith(".py"):
        interpreter = environments.python(environment)
        return [interpreter, str(environments.HERE / "python" / script)]
    return ["node", str(environments.node(environment) / script)]


class Running:
    """Clients that call until they are asked what they saw."""

    def __init__(self) -> None:
        self._started: dict[str, subprocess.Popen[str]] = {}

    def start(self, name: str, url: str) -> None:
        """Returns once the client is connected."""
        process = subprocess.Popen(
            [*command(name), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._started[name] = process
        assert process.stdout
        said = process.stdout.readline()
        if said != "ready\n":
            raise AssertionError(f"{name} did not connect: {said or process.wait()}")

    def stop(self) -> dict[str, Seen]:
        """What each saw, once all have made a last call."""
        for process in self._started.values():
            assert process.stdin
            process.stdin.close()
        return {name: _seen(process) for name, process in self._started.items()}

    def end(self) -> None:
        """No process is left."""
        for process in self._started.values():
            process.kill()
            process.wait()
            assert process.stdout
            process.stdout.close()


@contextmanager
def running(names: Sequence[str], url: str) -> Iterator[Running]:
    """These clients, connected and calling."""
    made = Running()
    try:
        for name in names:
            made.start(name, url)
        yield made
    finally:
        made.end()


def _seen(process: "subprocess.Popen[str]") -> Seen:
    assert process.stdout
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        return Seen(lost="it does not end")
    lines = process.stdout.read().splitlines()
    if not lines:
        return Seen(lost=f"it ended with exit code {process.returncode}")
    return Seen(**json.loads(lines[-1]))
