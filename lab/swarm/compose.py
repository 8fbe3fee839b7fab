"""docker-compose.yml on one engine, brought up as on a laptop."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab.swarm import bases, places
from lab.swarm.commands import CommandError, run
from lab.swarm.engine import Engine

# Never the project's folder name: what a developer has there stays as it is.
PROJECT_NAME = "mcp-swarm-tests"
URL = "http://localhost:8150"
UP_SECONDS = 300
# The oldest Debian that has Compose 2, the first that is `docker compose`.
SUITE = "trixie"


@dataclass(frozen=True)
class Composed:
    """The project on `engine`.

    Attributes:
        program: Compose, see `program`.
        enter: what puts a program where the balancer's port is: it is for its own machine alone.
    """

    engine: Engine
    program: tuple[str, ...]
    enter: tuple[str, ...] = ()

    def compose(self, *arguments: str) -> str:
        """``docker compose ARGUMENTS`` with the unchanged file.

        Raises:
            CommandError: with Compose's own words.
        """
        # By turns: only then is the spread even. The classic builder, as in `Engine.docker`.
        settings = {"LB_BALANCE": "roundrobin", "DOCKER_BUILDKIT": "0"}
        if self.engine.socket:
            settings["DOCKER_HOST"] = f"unix://{self.engine.socket}"
        order = (*self.program, "-p", PROJECT_NAME, *arguments)
        return run(*order, timeout=UP_SECONDS, env=settings)

    def up(self, *options: str) -> None:
        """Brings it up; returns when calls are answered."""
        self.compose("up", "--wait", *options)

    def run(self, *command: str) -> str:
        """Runs a program on that machine."""
        return run(*self.enter, *command)

    def curl(self, path: str, *options: str) -> str:
        """What the service answers; an error's status is an error."""
        return self.run("curl", "-fsS", "--noproxy", "*", *options, f"{URL}{path}")

    def found(self) -> list[str]:
        """Containers and volumes of the project."""
        label = ("--filter", f"label=com.docker.compose.project={PROJECT_NAME}")
        containers = self.engine.docker("ps", "-aq", *label)
        return [*containers.split(), *self.engine.docker("volume", "ls", "-q", *label).split()]


def program() -> tuple[str, ...]:
    """Compose 2: Docker's plugin if it is there, else Debian's, kept in the cache folder.

    Raises:
        CommandError: Debian's mirror does not answer.
    """
    try:
        run("docker", "compose", "version")
    except CommandError:
        kept = places.cache() / f"docker-compose-{SUITE}"
        if not kept.exists():
            _fetch(kept)
        return (str(kept),)
    return ("docker", "compose")


def _fetch(kept: Path) -> None:
    """Debian's package holds one program that needs nothing else."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "lists").mkdir()
        (folder / "list").write_text(f"deb {bases.MIRROR} {SUITE} main\n")
        apart = {  # this machine's own apt knows nothing of it
            "Dir::Etc::SourceList": folder / "list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": folder / "lists",
            "Dir::Cache": folder,
            "APT::Sandbox::User": "root",
        }
        options = [part for key, value in apart.items() for part in ("-o", f"{key}={value}")]
        run("apt-get", *options, "update", "-qq", timeout=300)
        run("apt-get", *options, "download", "-qq", "docker-compose", timeout=300, cwd=folder)
        run("sh", "-c", "dpkg-deb -x docker-compose_*.deb unpacked", cwd=folder)
        plugin = folder / "unpacked/usr/libexec/docker/cli-plugins/docker-compose"
        half = kept.with_suffix(".half")
        shutil.copy2(plugin, half)
        half.replace(kept)
