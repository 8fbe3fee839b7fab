"""Patterns as an operator deploys them: stack.yml with an overlay, and both run here for real."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import replica as replicas
from lab.conformance.balancer import balancer
from lab.replica import Replica

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "deploy" / "patterns"
KEY = "a key that all replicas of the test have"


def read(path: Path) -> dict[str, Any]:
    """A stack file as Docker reads it with nothing set in the environment."""
    text = re.sub(r"\$\{\w+:[-?]([^}]*)\}", r"\1", path.read_text())
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def merged(*names: str) -> dict[str, Any]:
    """stack.yml with overlays of these names over it, as `docker stack deploy` merges them.

    Maps by key, the later one's value; lists end to end; an empty value does not count.
    """
    whole = read(PROJECT / "stack.yml")
    for name in names:
        whole = _over(whole, read(FOLDER / f"{name}.yml"))
    return whole


def _over(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        more = {name: _over(below.get(name), value) for name, value in above.items()}
        return {**below, **more}
    if isinstance(below, list) and isinstance(above, list):
        return below + above
    return below if above in (None, "") else above


@dataclass(frozen=True)
class Deployed:
    """A pattern that runs here: where clients call, and the replicas of each service."""

    url: str
    services: dict[str, list[Replica]]

    @property
    def mcp(self) -> list[Replica]:
        return self.services["mcp"]


@contextmanager
def deployed(
    folder: Path, *names: str, redis_url: str, packages: Sequence[str] = replicas.SAMPLE, **lb: str
) -> Iterator[Deployed]:
    """Runs the pattern of `names`: as many replicas, with the settings, that the files say.

    Args:
        folder: for logs.
        names: of overlays; with none, stack.yml alone.
        redis_url: in the place of the stack's own Redis, where the pattern has one.
        packages: what the replicas serve.
        lb: settings of the balancer besides the pattern's.
    """
    stack = merged(*names)["services"]
    with ExitStack() as running:
        services: dict[str, list[Replica]] = {}
        for name in [name for name in stack if name.startswith("mcp")]:
            services[name] = [
                _replica(folder / f"{name}-{number}", stack[name], redis_url, packages, running)
                for number in range(1, stack[name]["deploy"]["replicas"] + 1)
            ]
        for replica in [made for service in services.values() for made in service]:
            replica.wait_until_ready()
        live = {
            f"LB_LIVE_SERVER_{number}": f"127.0.0.1:{replica.port}"
            for number, replica in enumerate(services.get("mcp-live", []), 1)
        }
        settings = {**stack["lb"]["environment"], "LB_BALANCE": "roundrobin", **live, **lb}
        made = running.enter_context(balancer(folder, services["mcp"], **settings))
        yield Deployed(made.url, services)


def _replica(
    folder: Path,
    service: dict[str, Any],
    redis_url: str,
    packages: Sequence[str],
    running: ExitStack,
) -> Replica:
    settings = {name: value for name, value in service["environment"].items() if value is not None}
    # Secrets of the stack that lie elsewhere here.
    settings.pop("DATABASE_URL_FILE")
    settings.pop("MCP_REQUEST_STATE_KEYS_FILE")
    if settings["REDIS_URL_FILE"] == "/run/secrets/redis_url":
        settings.pop("REDIS_URL_FILE")
        settings["REDIS_URL"] = redis_url
    settings |= {
        "MCP_REQUEST_STATE_KEYS": KEY,
        "MCP_REPLICA": folder.name,
        "MCP_LOG_FORMAT": "text",
    }
    made = replicas.start(folder, packages, **settings)
    running.callback(made.end)
    return made
