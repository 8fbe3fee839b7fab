"""Clients of others go on while replicas are killed at any moment."""

import tempfile
from pathlib import Path
from typing import Any

from lab.foreign.clients import CLIENTS, Seen
from lab.foreign.storm import lived_through, plain_balancer
from lab.prove.proof import Outcome, Proof
from lab.swarm.local_cluster import SESSIONS

KILLS, SHORT_KILLS, SEED = 10, 3, 7
# The clients that end at an HTTP error: all that are built on the Python SDK 1.x.
FRAGILE = [name for name in CLIENTS if "TypeScript" not in name]


def run(short: bool) -> list[Outcome]:
    """Three replicas here; the short form without sessions alone."""
    kills = SHORT_KILLS if short else KILLS
    outcomes = [_outcome("stateless, JSON", _storm(kills))]
    if not short:
        outcomes.append(_outcome("sessions, streams", _storm(kills, **SESSIONS)))
    return [*outcomes, _control()]


def _storm(kills: int, **settings: Any) -> dict[str, Seen]:
    with tempfile.TemporaryDirectory() as folder:
        return lived_through(Path(folder), list(CLIENTS), kills=kills, seed=SEED, **settings)


def _outcome(mode: str, seen: dict[str, Seen]) -> Outcome:
    """Each call is answered or ends in an error before the official clients give up."""
    holds = all(not one.lost and one.answered and not one.hung for one in seen.values())
    claim = f"Replicas are killed at any moment and clients of others go on: {mode}"
    return Outcome(claim, holds, {name: _figures(one) for name, one in seen.items()})


def _control() -> Outcome:
    """HTTP errors as HAProxy makes them by itself."""
    with tempfile.TemporaryDirectory() as folder:
        plain = plain_balancer(Path(folder))
        seen = lived_through(
            Path(folder), FRAGILE, kills=2 * SHORT_KILLS, seed=SEED, configuration=plain
        )
    ended = [name for name, one in seen.items() if one.lost]
    figures = {"clients that ended": f"{len(ended)} of {len(seen)}: {', '.join(ended)}"}
    return Outcome(
        "Without JSON-RPC errors clients of the Python SDK 1.x end", bool(ended), figures
    )


def _figures(one: Seen) -> str:
    words = f"{one.answered:,} answered, {one.errors} errors"
    hung = f", {one.hung} without either for 55 s" if one.hung else ""
    return f"{words} after {one.slowest:.0f} s at most{hung}, {'lost: ' + one.lost[:200] if one.lost else 'not lost'}"


PROOF = Proof("Clients of others through kills", run)
