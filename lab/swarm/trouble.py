"""What is done to the stack while it works on jobs: see lab/jobs/storm.py."""

import contextlib
from dataclasses import dataclass

from lab.swarm.commands import CommandError
from lab.swarm.deployment import NAME, Deployment
from lab.swarm.engine import Engine

OVERLAY = "lab/swarm/ledger.yml"


@dataclass(frozen=True)
class SwarmTrouble:
    """Workers and Redis of `stack`; Swarm itself brings back what is killed."""

    stack: Deployment

    def kill_worker(self, name: str) -> None:
        """SIGKILL of this worker's container, which it is called by."""
        self.stack.kill(name)

    def roll_workers(self) -> None:
        """Every worker is replaced, a new one first."""
        order = ("service", "update", "--force", "--quiet", "--detach=false", f"{NAME}_worker")
        self.stack.cluster.manager.docker(*order, timeout=600)

    def restart_redis(self) -> None:
        """SIGKILL of Redis; the next one reads the log file that it left."""
        self._kill("redis")
        self.stack.wait()

    def _kill(self, service: str) -> None:
        label = f"label=com.docker.swarm.service.name={NAME}_{service}"
        for engine in self.stack.cluster.engines:
            if found := _running(engine, label):
                engine.docker("kill", "--signal", "KILL", found[0])
                return
        raise CommandError(f"no node has a container of {service!r}")


def _running(engine: Engine, label: str) -> list[str]:
    with contextlib.suppress(CommandError):
        return engine.docker("ps", "-q", "--filter", label).split()
    return []
