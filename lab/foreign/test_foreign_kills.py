"""Clients of others go on while replicas are killed; `make prove` does it for longer."""

from pathlib import Path

import pytest

from lab.foreign.clients import CLIENTS
from lab.foreign.storm import lived_through, plain_balancer
from lab.swarm.local_cluster import SESSIONS

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


def test_clients_of_others_go_on_through_kills(tmp_path: Path) -> None:
    """Each call is answered or ends in an error, and no client is lost."""
    for name, seen in lived_through(tmp_path, list(CLIENTS), kills=3, seed=1).items():
        assert not seen.lost, f"{name}: {seen}"
        assert not seen.hung, f"{name}: {seen}"
        assert seen.answered > 0, f"{name}: {seen}"


@pytest.mark.thorough
def test_clients_of_others_keep_their_sessions_through_kills(tmp_path: Path) -> None:
    """With sessions in Redis, whose answers are streams."""
    for name, seen in lived_through(tmp_path, list(CLIENTS), kills=3, seed=1, **SESSIONS).items():
        assert not seen.lost, f"{name}: {seen}"
        assert not seen.hung, f"{name}: {seen}"
        assert seen.answered > 0, f"{name}: {seen}"


def test_at_an_http_error_clients_of_the_python_sdk_1_end(tmp_path: Path) -> None:
    """The control: one kill in three hits a call of a client."""
    names = ["mcp 1.16", "mcp 1.30"]
    plain = plain_balancer(tmp_path)
    seen = lived_through(tmp_path, names, kills=6, seed=1, configuration=plain)
    assert any("502" in one.lost for one in seen.values()), seen
