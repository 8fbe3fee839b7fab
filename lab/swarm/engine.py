"""Talks to one Docker engine, by its socket."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.swarm.commands import CommandError, run


@dataclass(frozen=True)
class Engine:
    """One Docker engine. Without a socket: the one that ``docker`` finds by itself."""

    socket: Path | None = None

    def docker(
        self, *arguments: str, timeout: float = 120, env: Mapping[str, str] | None = None
    ) -> str:
        """Runs ``docker ARGUMENTS`` against this engine and gives what it printed.

        Raises:
            CommandError: with Docker's own words.
        """
        # The classic builder is in every client; BuildKit's is a plugin that may be missing.
        classic = {"DOCKER_BUILDKIT": "0", **(env or {})}
        return run(*self._client(), *arguments, timeout=timeout, env=classic)

    def logs(self, container: str, lines: int = 15) -> str:
        """The last lines that ``container`` wrote, to either output."""
        order = ("logs", "--tail", str(lines), container)
        return run("sh", "-c", 'exec "$@" 2>&1', "sh", *self._client(), *order)

    def _client(self) -> tuple[str, ...]:
        return ("docker", "-H", f"unix://{self.socket}") if self.socket else ("docker",)

    def answers(self) -> bool:
        """Whether the engine is there."""
        try:
            self.docker("info", "--format", "{{.ServerVersion}}", timeout=20)
        except CommandError:
            return False
        return True
