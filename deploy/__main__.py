"""``make deploy``: builds the image, deploys the stack, and waits for what becomes of it.

What it ships is named by content: the image, each secret, each config. So a changed file and a
deploy is all that an update or a rotation takes. Exit 0 converged, 1 failed and rolled back,
2 usage, 3 could not start.
"""

import argparse
import dataclasses
import math
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy import access, image, make_secrets, names, own_secrets, service_env
from deploy.docker import DeployError, docker
from deploy.rollout import Rollout
from deploy.service_env import ROOT
from deploy.stack import Stack, counts

PATTERNS = ROOT / "deploy" / "patterns"
OWN = ROOT / "deploy" / "own.yml"  # an overlay of yours, if you have one; it comes last
TOKENS = "/run/secrets/auth_tokens"
LEAST_GRACE = 60  # seconds; what stack.yml has


@dataclass(frozen=True)
class Order:
    """What the command line, service.env and the shell ask for together."""

    stack: Stack
    settings: dict[str, str]
    secrets: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m deploy", description=__doc__)
    parser.add_argument("--env", type=Path, default=service_env.DEFAULT, help="the service.env")
    try:
        order = _order(parser.parse_args(arguments).env)
    except (OSError, ValueError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 2
    try:
        settings = _prepare(order)
    except (DeployError, OSError, ValueError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 3
    try:
        _deploy(order, settings)
    except (DeployError, OSError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"deploy: Swarm goes on. Next: docker stack ps {order.stack.name}", file=sys.stderr)
        return 130
    return 0


def _order(env: Path) -> Order:
    """Reads everything that may be wrong, before anything is built."""
    settings = service_env.merged(env, os.environ)
    pattern = settings.get("PATTERN")
    known = sorted(path.stem for path in PATTERNS.glob("*.yml"))
    if pattern and pattern not in known:
        raise ValueError(f"PATTERN={pattern} is not there. Expected one of: {' '.join(known)}.")
    name = settings.get("STACK_NAME") or "mcp-swarm"
    if env.resolve() != service_env.DEFAULT and name == _default_stack():
        raise ValueError(
            f"{env} would replace the stack {name}. Next: give it a STACK_NAME of its own."
        )
    overlays = [
        *([PATTERNS / f"{pattern}.yml"] if pattern else []),
        *([OWN] if OWN.exists() else []),
    ]
    secrets = settings.get("SECRETS_DIR") or "secrets"
    service_env.refuse_fixed(settings, secrets)
    own_secrets.files(ROOT / secrets)
    for changed in service_env.overridden(env, os.environ):
        print(f"deploy: {changed} is the shell's, not that of {env.name}")
    return Order(Stack(name, (ROOT / "stack.yml", *overlays)), settings, ROOT / secrets)


def _default_stack() -> str:
    listed = service_env.read(service_env.DEFAULT) if service_env.DEFAULT.exists() else {}
    return listed.get("STACK_NAME") or "mcp-swarm"


def _prepare(order: Order) -> dict[str, str]:
    """Builds the image and gets the Swarm ready; returns all settings."""
    settings = {**order.settings, "STACK_NAME": order.stack.name}
    if not access.is_open(settings):
        settings = {"AUTH_TOKENS_FILE": TOKENS, **settings, "AUTH_ENABLED": "true"}
    make_secrets.make(order.secrets)
    if not settings.get("MCP_IMAGE"):
        settings["MCP_IMAGE"] = image.build(ROOT, settings)
    _join_swarm(settings.get("ADVERTISE"))
    return settings


def _join_swarm(advertise: str | None) -> None:
    """Turns Swarm mode on if it is off, and labels this node as the data's if none is."""
    if docker("info", "--format", "{{.Swarm.LocalNodeState}}") != "active":
        # With several addresses Docker asks for a choice: the one that other nodes can reach.
        docker("swarm", "init", *(("--advertise-addr", advertise) if advertise else ()))
    if not docker("node", "ls", "--quiet", "--filter", "node.label=mcp-swarm.data=true"):
        node = docker("info", "--format", "{{.Swarm.NodeID}}")
        docker("node", "update", "--label-add", "mcp-swarm.data=true", node)


def _grace(settings: Mapping[str, str]) -> dict[str, str]:
    """How long Swarm waits for a stop: longer than the drain and the longest call together."""
    try:
        call = float(settings.get("MCP_CALL_TIMEOUT") or 30)
        live = float(settings.get("LIVE_CALL_TIMEOUT") or 300)
        drain = float(settings.get("MCP_DRAIN_SECONDS") or 5)
        jobs = float(settings.get("MCP_TASK_DRAIN_SECONDS") or 45)
    except ValueError:  # the server says what is wrong with it
        return {}
    needed = {
        "MCP_STOP_GRACE": call + drain + 15,
        "LIVE_STOP_GRACE": live + drain + 25,
        "WORKER_STOP_GRACE": jobs + 15,
    }
    return {name: f"{math.ceil(max(LEAST_GRACE, value))}s" for name, value in needed.items()}


def _deploy(order: Order, settings: Mapping[str, str]) -> None:
    """Deploys the stack, waits for it, and prints how to call it."""
    stack = order.stack
    before = stack.services()
    replicas, notes = counts(before, settings)
    variables = {**os.environ, **settings, **_grace(settings), **replicas}
    variables |= {"SECRETS_DIR": str(order.secrets)}
    variables |= names.content_hashes(stack.files, variables)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "service.env")
        own = [f"{n}={value}\n" for n, value in settings.items() if n not in service_env.STACK]
        file.write_text("".join(sorted(own)))
        full = _with_own_secrets(order, Path(folder, "own-secrets.yml"))
        full.deploy({**variables, "SERVICE_ENV": str(file)}, settings.get("RESOLVE_IMAGE"))
    for line in [f"Deployed {settings['MCP_IMAGE']} as {stack.name}. Waiting for it.", *notes]:
        print(line, flush=True)
    Rollout(stack, before, stack.services(), lambda line: print(line, flush=True)).wait()
    if gone := stack.prune(stack.services()):
        print(f"Removed secrets and configs that nothing uses: {', '.join(gone)}.")
    nodes = docker("node", "ls", "--quiet").split()
    if len(nodes) > 1 and not image.is_remote(settings["MCP_IMAGE"]):
        print(
            "Other nodes need the image too. Next: IMAGE_REPOSITORY=registry.example.com/mcp-swarm"
        )
    print(f"Converged. {access.how_to_call(settings, order.secrets)}")


def _with_own_secrets(order: Order, file: Path) -> Stack:
    """Returns the stack with an overlay that gives its containers the service's own secrets."""
    text = own_secrets.overlay(order.secrets, order.stack.name, order.stack.files)
    file.write_text(text)
    files = (*order.stack.files, file) if text else order.stack.files
    return dataclasses.replace(order.stack, files=files)


if __name__ == "__main__":
    sys.exit(main())
