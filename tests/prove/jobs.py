"""Issue 5, shown by 1: 200 jobs on three Swarm nodes, through all the trouble."""

import asyncio
import tempfile
from pathlib import Path

from tests.prove.proof import Outcome, Proof
from tests.swarm.deployment import Deployment
from tests.swarm.lab import Lab
from tests.swarm.trouble import OVERLAY, SwarmTrouble
from tests.tasks.storm import storm

JOBS, SECONDS = 200, 1.0
REDELIVERY = 10  # MCP_TASK_REDELIVERY_SECONDS, which stack.yml leaves as it is


def run(short: bool) -> list[Outcome]:
    """The full form; its short form is tests/swarm/test_long_work.py, which CI runs anyway."""
    if short:
        return []
    with tempfile.TemporaryDirectory() as name, Lab(3) as lab:
        cluster = lab.cluster(3)
        cluster.form()
        stack = Deployment(cluster, Path(name) / "secrets")
        stack.deploy(OVERLAY)
        base = stack.url().removesuffix("/mcp")
        books = asyncio.run(storm(base, SwarmTrouble(stack), JOBS, SECONDS))
    return [
        Outcome(
            f"{JOBS} jobs on three nodes, two workers: one is killed (SIGKILL), Redis is killed and "
            "comes back, the workers are rolled. Each job has its result, and its effect once",
            books.right == JOBS and books.effects_once and books.begun_again > 0,
            {
                "results": f"{books.right} of {JOBS}",
                "effects in PostgreSQL's ledger": str(len(books.effects)),
                "begun once more": str(books.begun_again),
                "redelivery time": f"{REDELIVERY} s",
                "longest from the kill to a new start": f"{books.slowest_restart:.1f} s",
                "in all": f"{books.seconds:.0f} s",
            },
        )
    ]


PROOF = Proof("Long work on three nodes", run)
