"""200 jobs on three Swarm nodes, through all the trouble."""

import asyncio
import tempfile
from pathlib import Path

from lab.jobs.storm import storm
from lab.prove.proof import Outcome, Proof
from lab.prove.tasks import figures
from lab.swarm.deployment import Deployment
from lab.swarm.lab import Lab
from lab.swarm.trouble import OVERLAY, SwarmTrouble

# Long enough that there is work through all of the trouble: ten at once, by one tenant's limit.
JOBS, SECONDS = 200, 3.0
REDELIVERY = 10  # MCP_TASK_REDELIVERY_SECONDS, which stack.yml leaves as it is


def run(short: bool) -> list[Outcome]:
    """The full form; its short form, on processes, is packages/mcp-swarm/tests/jobs/workers/test_storm.py."""
    if short:
        return []
    with tempfile.TemporaryDirectory() as name, Lab(3) as lab:
        cluster = lab.cluster(3)
        cluster.form()
        stack = Deployment(cluster, Path(name) / "secrets")
        stack.deploy(OVERLAY)
        base = stack.url().removesuffix("/mcp")
        books = asyncio.run(storm(base, SwarmTrouble(stack), JOBS, SECONDS))
    wrong = books.wrong(REDELIVERY)
    return [
        Outcome(
            f"{JOBS} jobs on three nodes, two workers: one is killed (SIGKILL), Redis is killed and "
            "comes back, the workers are rolled. Each job has its result, and its effect once",
            not wrong,
            figures(books, REDELIVERY),
            "\n".join(wrong),
        )
    ]


PROOF = Proof("Long work on three nodes", run)
