"""Jobs on three nodes, two workers: killed, rolled, Redis restarted, and nothing is lost."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.swarm.deployment import Deployment
from tests.swarm.lab import Lab
from tests.swarm.trouble import OVERLAY, SwarmTrouble
from tests.tasks.storm import storm

# tests/tasks/test_storm.py is the short form, with workers as processes.
pytestmark = [
    pytest.mark.swarm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not os.environ.get("MCP_SWARM_FULL"), reason="MCP_SWARM_FULL=1 runs it"),
]

JOBS = 200


def test_every_job_has_its_result_and_its_effect_once(lab: Lab, tmp_path: Path) -> None:
    """A worker is killed, Redis too, the workers are rolled; PostgreSQL's ledger tells the rest."""
    cluster = lab.cluster(3)
    cluster.form()
    try:
        stack = Deployment(cluster, tmp_path / "secrets")
        stack.deploy(OVERLAY)
        base = stack.url().removesuffix("/mcp")
        books = asyncio.run(storm(base, SwarmTrouble(stack), JOBS, seconds=1.0))
        stack.remove()
    finally:
        cluster.dissolve()
    assert books.right == JOBS
    assert books.effects_once
    assert books.begun_again >= 1, "the killed worker ran something"
    # MCP_TASK_REDELIVERY_SECONDS, the quarter between two sweeps, Redis's restart, a busy machine.
    assert books.slowest_restart < 60
