"""Official clients go on through kills at any moment, in every mode."""

import asyncio
import tempfile
from pathlib import Path

from lab.prove.proof import Outcome, Proof
from lab.swarm.kills import Seen, lived_through
from lab.swarm.local_cluster import SESSIONS, here

# Settings of the replicas by what a client may expect of them: docs/patterns.md.
MODES: dict[str, dict[str, str]] = {
    "sessions": SESSIONS,
    "stateless, JSON": {},
    "stateless, as the client accepts": {"MCP_JSON_RESPONSE": "auto"},
    "stateless, streams": {"MCP_JSON_RESPONSE": "false"},
}
KILLS, SHORT_KILLS = {True: 10, False: 6}, 3  # with sessions or without
USERS, SEED = 6, 4
MOST = 30.0  # seconds to an error


def run(short: bool) -> list[Outcome]:
    """Three replicas here; the short form with sessions, which have the most to lose, alone."""
    modes = ["sessions"] if short else list(MODES)
    return [_through(mode, SHORT_KILLS if short else KILLS[mode == "sessions"]) for mode in modes]


def _through(mode: str, kills: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder, here(Path(folder), **MODES[mode]) as service:
        seen = asyncio.run(
            lived_through(service, sessions=mode == "sessions", seed=SEED, kills=kills, users=USERS)
        )
    return Outcome(
        f"Replicas are killed at any moment and every client goes on: {mode}",
        seen.holds and seen.slowest < MOST,
        _figures(seen, mode),
        "" if seen.holds else str(seen),
    )


def _figures(seen: Seen, mode: str) -> dict[str, str]:
    figures = {
        "kills": str(seen.kills),
        "calls, lists, streams and handshakes": f"{seen.calls:,}",
        "answered": f"{seen.answered:,}",
        "answered with an error": str(seen.errors),
        "slowest error": f"{seen.slowest:.1f} s",
        "without an answer": str(len(seen.hung)),
        "clients that ended": str(len(seen.ended)),
        "effects twice, or missing": str(len(seen.wrong)),
    }
    if mode != "sessions":
        return figures
    return figures | {
        "state of sessions lost": str(len(seen.strayed)),
        "messages on GET streams": str(seen.sent),
        "lost": str(seen.lost),
        "twice": str(seen.doubled),
        "read-only calls begun and cut off": str(seen.begun),
        "not run to their end elsewhere": str(seen.unfinished),
    }


PROOF = Proof("Kills at any moment", run)
