"""Talks to one Docker engine, by its socket."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.swarm.commands import CommandError, run


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
        host = ("-H", f"unix://{self.socket}") if self.socket else ()
        # The classic builder is in every client; BuildKit's is a plugin that may be missing.
        return run(
            "docker",
            *host,
            *arguments,
            timeout=timeout,
            env={"DOCKER_BUILDKIT": "0", **(env or {})},
        )

    def answers(self) -> bool:
        """Whether the engine is there."""
        try:
            self.docker("info", "--format", "{{.ServerVersion}}", timeout=20)
        except CommandError:
            return False
        return True
