"""The stack on a Swarm: deployed as an operator does it, from the unchanged stack.yml."""

import contextlib
import http.client
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from deploy.names import content_hashes
from lab.swarm.cluster import Cluster
from lab.swarm.commands import PROJECT, CommandError, run

NAME = "mcp-swarm"
PORT = 8150
READY_SECONDS = 150
# haproxy.cfg's slowstart, 3 s, in which a new replica is given less than its share.
SLOW_START = 4


class Deployment:
    """The stack, deployed on ``cluster``; its secrets are made in ``secrets``.

    Attributes:
        placed: The nodes that the first replicas were put on.
    """

    def __init__(self, cluster: Cluster, secrets: Path, name: str = NAME) -> None:
        self.cluster = cluster
        self.name = name
        self.secrets = secrets
        self.placed: list[str] = []
        self._applied: tuple[tuple[str, ...], dict[str, str]] = ((), {})

    def url(self, node: int = 1) -> str:
        """Where clients call, by the balancer on node ``node``."""
        return f"http://{self.cluster.addresses[node - 1]}:{PORT}/mcp"

    def deploy(self, *overlays: str, **settings: str) -> None:
        """Makes the secrets, labels the data's node, deploys, and waits until all answer.

        Args:
            overlays: files that are laid over stack.yml, in order.
            settings: variables of stack.yml, as an operator sets them in the environment.
        """
        run(sys.executable, "deploy/make_secrets.py", str(self.secrets))
        self.cluster.label_data_node()
        self._apply(overlays, settings)
        self.wait(int(self.counts()["mcp"][1]))
        time.sleep(SLOW_START)
        self.placed = self.tasks()

    def rotate(self, keys: Sequence[str]) -> None:
        """Gives all replicas these keys by a rolling update of its own; returns when it is over."""
        before = set(self.replicas())
        (self.secrets / "request_state_keys").write_text("\n".join(keys))
        self._apply(*self._applied)
        deadline = time.monotonic() + 2 * READY_SECONDS
        while (
            not (now := set(self.replicas())) or before & now
        ):  # none: a balancer that is not there
            self._sleep(deadline, "a replica was not replaced")
        self.wait()

    def _apply(self, overlays: tuple[str, ...], settings: dict[str, str]) -> None:
        """``docker stack deploy``, which goes on when it returns."""
        self._applied = (overlays, settings)
        # No registry is asked: every image is there.
        files = [part for file in ("stack.yml", *overlays) for part in ("-c", file)]
        order = ("stack", "deploy", *files, "--resolve-image", "never", self.name)
        hosts = ",".join(self.cluster.addresses)
        values = {"SECRETS_DIR": str(self.secrets), "MCP_ALLOWED_HOSTS": hosts, **settings}
        named = content_hashes([PROJECT / file for file in ("stack.yml", *overlays)], values)
        self.cluster.manager.docker(*order, env={**values, **named})

    def found(self) -> list[str]:
        """Services and volumes of a stack of this name, which a test must not touch."""
        label = f"label=com.docker.stack.namespace={self.name}"
        manager = self.cluster.manager
        services = manager.docker("service", "ls", "--filter", label, "--format", "{{.Name}}")
        volumes = manager.docker("volume", "ls", "-q", "--filter", label)
        return [*services.split(), *volumes.split()]

    def wait(self, replicas: int = 3) -> None:
        """Returns when all tasks run and every node's balancer reaches ``replicas`` replicas.

        Raises:
            CommandError: they do not come; with the tasks and the replicas' last words.
        """
        deadline = time.monotonic() + READY_SECONDS
        for address in self.cluster.addresses:
            while len(replicas_behind(address)) != replicas:
                self._sleep(deadline, f"not {replicas} replicas behind {address}")
        while missing := [name for name, ran in self.counts().items() if len(set(ran)) > 1]:
            self._sleep(deadline, f"not all tasks of {', '.join(missing)} run")

    def scale(self, replicas: int) -> None:
        """``docker service scale``, and waits until they answer."""
        self.cluster.manager.docker("service", "scale", "--detach", f"{self.name}_mcp={replicas}")
        self.wait(replicas)
        time.sleep(SLOW_START)

    def roll(self) -> None:
        """``docker service update --force``: every replica is replaced by a new one."""
        order = ("service", "update", "--force", "--quiet", "--detach=false", f"{self.name}_mcp")
        self.cluster.manager.docker(*order, timeout=600)

    def balance(self, policy: str) -> None:
        """Has the balancers choose replicas by `policy` (LB_BALANCE), one balancer at a time."""
        order = ("service", "update", "--quiet", "--detach=false", "--env-add")
        self.cluster.manager.docker(*order, f"LB_BALANCE={policy}", f"{self.name}_lb", timeout=300)
        self.wait()

    def kill(self, replica: str) -> None:
        """Ends a replica's container by SIGKILL, whichever node it is on.

        Raises:
            CommandError: no node has it.
        """
        for engine in self.cluster.engines:
            with contextlib.suppress(CommandError):
                engine.docker("kill", "--signal", "KILL", replica)
                return
        raise CommandError(f"no node has a replica {replica!r}")

    def tasks(self, service: str = "mcp") -> list[str]:
        """The nodes that a service's running tasks are on, one entry a task."""
        order = ("service", "ps", "--filter", "desired-state=running", "--format", "{{.Node}}")
        return self.cluster.manager.docker(*order, f"{self.name}_{service}").splitlines()

    def counts(self) -> dict[str, list[str]]:
        """Service → how many of its tasks run and how many shall."""
        label = f"label=com.docker.stack.namespace={self.name}"
        order = ("service", "ls", "--filter", label, "--format", "{{.Name}} {{.Replicas}}")
        lines = [line.split() for line in self.cluster.manager.docker(*order).splitlines()]
        return {line[0].removeprefix(f"{self.name}_"): line[1].split("/") for line in lines}

    def replicas(self) -> list[str]:
        """The names of the replicas that answer by the first node's balancer."""
        return sorted(replicas_behind(self.cluster.addresses[0]))

    def state(self) -> str:
        """What an operator would look at first."""
        tasks = "{{.Name}} {{.Node}} {{.CurrentState}} {{.Error}}"
        said = [
            self.cluster.manager.docker("stack", "ps", "--no-trunc", "--format", tasks, self.name)
        ]
        for engine in self.cluster.engines:  # `service logs` stops at a task that is gone
            with contextlib.suppress(CommandError):
                found = engine.docker("ps", "-aq", "--latest", "--filter", f"name={self.name}_mcp")
                said += [engine.logs(container) for container in found.split()]
        return "\n".join(said)

    def _sleep(self, deadline: float, what: str) -> None:
        if time.monotonic() > deadline:
            raise CommandError(f"{what}:\n{self.state()}")
        time.sleep(0.5)

    def remove(self) -> None:
        """Takes the stack away with its volumes; returns when nothing of it runs."""
        self.cluster.manager.docker("stack", "rm", self.name)
        label = f"label=com.docker.stack.namespace={self.name}"
        deadline = time.monotonic() + 120
        for engine in self.cluster.engines:
            while engine.docker("ps", "-aq", "--filter", label):
                self._sleep(deadline, "the stack does not end")
            if volumes := engine.docker("volume", "ls", "-q", "--filter", label).split():
                engine.docker("volume", "rm", *volumes)


def replicas_behind(address: str) -> Counter[str]:
    """How often each replica answered 24 calls of /version by the balancer at ``address``.

    Empty if one of them failed: the balancer is not there, or has no replica.
    """
    seen: Counter[str] = Counter()
    connection = http.client.HTTPConnection(address, PORT, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        for _ in range(24):
            connection.request("GET", "/version")
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                break
            seen[json.loads(body)["hostname"]] += 1
        else:
            return seen
    return Counter()
