"""Issue 4, shown by 2: sessions of each kind outlive the replica that serves them, on a Swarm."""

import asyncio
import inspect
import tempfile
from pathlib import Path

from tests.prove.proof import Outcome, Proof
from tests.swarm.deployment import Deployment
from tests.swarm.lab import Lab
from tests.swarm.survival import KINDS

OVERLAYS = ("deploy/patterns/sessions.yml", "tests/swarm/probe.yml")


def run(short: bool) -> list[Outcome]:
    """The full form; its short form is in tests/core, over local replicas."""
    if short:
        return []
    with tempfile.TemporaryDirectory() as name, Lab(3) as lab:
        cluster = lab.cluster(3)
        cluster.form()
        stack = Deployment(cluster, Path(name) / "secrets")
        stack.deploy(*OVERLAYS)
        return [_survives(stack, kind) for kind in KINDS]


def _survives(stack: Deployment, kind: object) -> Outcome:
    stack.wait()  # the Swarm has replaced whom the last one killed
    seen = asyncio.run(kind(stack.url(), stack.kill))  # type: ignore[operator]
    claim = (inspect.getdoc(kind) or "").partition("\n")[0].removesuffix(".")
    return Outcome(claim, seen.holds, seen.figures)


PROOF = Proof("Sessions outlive their replica", run)
