"""Sessions of each kind outlive the replica that serves them, on a Swarm."""

import asyncio
import inspect
import tempfile
from pathlib import Path

from lab.prove.proof import Outcome, Proof
from lab.swarm.deployment import Deployment
from lab.swarm.lab import Lab
from lab.swarm.local_cluster import Here, here
from lab.swarm.survival import KINDS, Kind

SESSIONS = {"MCP_STATELESS_HTTP": "false", "MCP_JSON_RESPONSE": "false"}
OVERLAYS = ("deploy/patterns/sessions.yml", "lab/swarm/probe.yml")


def run(short: bool) -> list[Outcome]:
    """On three nodes; the short form on three replicas here, each request on the next one."""
    with tempfile.TemporaryDirectory() as name:
        if short:
            with here(Path(name), **SESSIONS) as service:
                return [_survives(kind, service.url, service) for kind in KINDS]
        with Lab(3) as lab:
            cluster = lab.cluster(3)
            cluster.form()
            stack = Deployment(cluster, Path(name) / "secrets")
            stack.deploy(*OVERLAYS)
            return [_survives(kind, stack.url(), stack) for kind in KINDS]


def _survives(kind: Kind, url: str, service: Deployment | Here) -> Outcome:
    service.wait()  # whoever was killed last has been replaced
    seen = asyncio.run(kind(url, service.kill))
    claim = (inspect.getdoc(kind) or "").partition("\n")[0].removesuffix(".")
    return Outcome(claim, seen.holds, seen.figures)


PROOF = Proof("Sessions outlive their replica", run)
