"""A stack on a Swarm: its services, and how many replicas each shall have."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.docker import DeployError, docker, inspected

Service = dict[str, Any]
Services = dict[str, Service]
Task = dict[str, Any]
# Service → the variable of stack.yml that says how many replicas it has, and its default there.
REPLICAS = {
    "mcp": ("MCP_REPLICAS", "3"),
    "worker": ("WORKER_REPLICAS", "2"),
    "mcp-live": ("LIVE_REPLICAS", "2"),
}
# A service keeps here what the files asked for when they were deployed.
ASKED = "mcp-swarm.asked"
_OF_STACK = "label=com.docker.stack.namespace={}"


@dataclass(frozen=True)
class Stack:
    """The stack ``name`` of Compose ``files``, which lie over each other in this order."""

    name: str
    files: tuple[Path, ...]

    def deploy(self, variables: Mapping[str, str], resolve: str | None = None) -> None:
        """``docker stack deploy``, which only orders; ``rollout`` waits for what becomes of it."""
        files = [part for file in self.files for part in ("-c", str(file))]
        # --prune: a pattern's second service goes with the pattern.
        options = ("--prune", "--with-registry-auth", "--resolve-image", resolve or "always")
        docker("stack", "deploy", *files, *options, self.name, env=variables, timeout=600)

    def services(self) -> Services:
        """Returns the services as Docker describes them, by their name without the stack's."""
        order = ("service", "ls", "-q", "--filter", _OF_STACK.format(self.name))
        found = inspected("service", docker(*order).split())
        return {service["Spec"]["Name"].removeprefix(f"{self.name}_"): service for service in found}

    def tasks(self) -> list[Task]:
        """Returns the tasks of all services, also those that ended and Swarm still remembers."""
        try:
            listed = docker("stack", "ps", "-q", "--no-trunc", self.name)
        except DeployError as error:
            if "nothing found in stack" in str(error):
                return []
            raise
        return inspected("task", listed.split())

    def replicas(self, service: Service) -> int:
        """Returns how many tasks the service shall have."""
        if replicated := service["Spec"]["Mode"].get("Replicated"):
            return int(replicated["Replicas"])
        order = ("service", "ls", "--format", "{{.Replicas}}", "--filter", f"id={service['ID']}")
        return int(docker(*order).split("/")[1].split()[0])  # "2/3": one on each node

    def prune(self, services: Services) -> list[str]:
        """Removes secrets and configs that no service uses, nor would after a rollback.

        Returns:
            Their names.
        """
        used = {
            entry[f"{kind}Name"]
            for service in services.values()
            for spec in (service["Spec"], service.get("PreviousSpec") or {})
            for kind in ("Secret", "Config")
            for entry in _container(spec).get(f"{kind}s") or []
        }
        removed = []
        for kind in ("secret", "config"):
            order = (kind, "ls", "--format", "{{.Name}}", "--filter", _OF_STACK.format(self.name))
            removed += [(kind, name) for name in docker(*order).split() if name not in used]
        for kind, name in removed:
            docker(kind, "rm", name)
        return [name for _, name in removed]


def counts(services: Services, settings: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Returns the variables that say how many replicas each service gets, and what to tell of it.

    `docker service scale` survives a deploy (docker/cli#2235): a running count stays until the
    files ask for something else than they did at the last deploy.
    """
    variables, notes = {}, []
    for name, (variable, default) in REPLICAS.items():
        wanted = settings.get(variable) or default
        asked = f"{settings.get('PATTERN') or 'stateless'} {wanted}"
        variables[f"{variable}_ASKED"] = asked
        variables[variable] = wanted
        service = services.get(name, {})
        running = service.get("Spec", {}).get("Mode", {}).get("Replicated", {}).get("Replicas")
        if running is None:
            continue
        before = service["Spec"].get("Labels", {}).get(ASKED)
        if before in (None, "", asked) and str(running) != wanted:
            variables[variable] = str(running)
            notes.append(f"{name} keeps its {running} replicas ({variable} is still {wanted})")
    return variables, notes


def same_tasks(one: Service, other: Service) -> bool:
    """Whether tasks of both services are made alike."""
    return bool(_plain(one["Spec"]["TaskTemplate"]) == _plain(other["Spec"]["TaskTemplate"]))


def runs(task: Task, service: Service) -> bool:
    """Whether the task was made by the service's present form."""
    if task["ServiceID"] != service["ID"]:
        return False
    return bool(_plain(task["Spec"]) == _plain(service["Spec"]["TaskTemplate"]))


def _plain(value: Any) -> Any:
    """Without what says nothing: Docker writes it for a service and leaves it out for a task."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if _plain(v) and k != "Runtime"}
    return value


def _container(spec: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = spec.get("TaskTemplate", {}).get("ContainerSpec", {})
    return found
