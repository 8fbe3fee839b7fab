"""Official clients go on while replicas are killed at any moment; `make prove` does it for longer."""

from pathlib import Path

import pytest

from lab.swarm.kills import lived_through
from lab.swarm.local_cluster import SESSIONS, here

# No room for the hop: every call goes straight to its replica, as without it.
NO_HOP = {"LB_CLIENTS": "200", "LB_MAXCONN": "200"}
pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]


async def test_clients_go_on_through_kills_at_any_moment(tmp_path: Path) -> None:
    """Answered or told so; nothing hangs, happens twice, is lost or doubled; no client ends."""
    with here(tmp_path, **SESSIONS) as service:
        seen = await lived_through(service, sessions=True, seed=4, kills=3, users=6)
    assert seen.holds, seen


async def test_without_the_hop_a_client_ends(tmp_path: Path) -> None:
    """The control: the balancer closes a used connection without a word; one kill in four or so."""
    with here(tmp_path, lb=NO_HOP) as service:
        seen = await lived_through(service, sessions=False, seed=4, kills=40, users=8)
    assert seen.ended, seen
