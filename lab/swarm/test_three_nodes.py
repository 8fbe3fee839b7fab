"""The stack on three nodes: spread, scaled, rolled."""

import os
from pathlib import Path

import pytest

from lab.swarm.deployment import Deployment
from lab.swarm.load import ERAS, load, roll_under_load

EVEN = ("--threshold", "even")

pytestmark = [pytest.mark.swarm, pytest.mark.timeout(900)]

# The full form, 10,000 calls an era while roll-out follows roll-out, is `make prove`'s.
FULL = bool(os.environ.get("MCP_SWARM_FULL"))


def test_three_nodes_have_a_replica_and_a_balancer_each(three_nodes: Deployment) -> None:
    """Replicas are spread over the nodes, and every node's own address answers."""
    assert len(set(three_nodes.placed)) == 3
    assert len(set(three_nodes.tasks("lb"))) == 3


@pytest.mark.parametrize("era", ERAS)
def test_all_replicas_work(three_nodes: Deployment, tmp_path: Path, era: str) -> None:
    """300 requests, 50 at a time: all succeed, evenly spread over three of three replicas."""
    options = ("--requests", "300", "--concurrent", "50", "--expect-replicas", "3", "--era", era)
    loaded = load(three_nodes.url(), tmp_path, *options, *EVEN)
    assert loaded.exit_code == 0, loaded.report
    assert (loaded.made, loaded.lost) == (300, 0)


def test_scaled_to_five_the_report_names_five(three_nodes: Deployment, tmp_path: Path) -> None:
    """After `docker service scale` five replicas work, and three again after."""
    three_nodes.scale(5)
    try:
        options = ("--requests", "500", "--concurrent", "50", "--expect-replicas", "5")
        loaded = load(three_nodes.url(), tmp_path, *options, *EVEN)
        assert loaded.exit_code == 0, loaded.report
    finally:
        three_nodes.scale(3)


def test_a_rolling_update_under_load_loses_no_call(three_nodes: Deployment, tmp_path: Path) -> None:
    """Every replica is replaced while both eras call a tool: not one call fails."""
    before = set(three_nodes.replicas())
    rate, least = (30, 10_000) if FULL else (15, 0)
    loaded = roll_under_load(three_nodes, tmp_path, rate, least)
    assert not before & set(three_nodes.replicas()), "a replica was not replaced"
    for era, result in loaded.items():
        assert result.lost == 0, f"{era}:\n{result.report}"
        assert result.made >= max(least, rate * 20), f"{era}: only {result.made} calls were made"
