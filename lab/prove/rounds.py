"""A confirmation counts once, and keys change without a failed round."""

import asyncio
import secrets
import tempfile
from pathlib import Path

from lab.prove.proof import Outcome, Proof
from lab.swarm.deployment import Deployment
from lab.swarm.lab import Lab
from lab.swarm.local_cluster import here
from lab.swarm.rounds import Service, replay, rotate

TIMES = 10
RATE = 15
# Here a replica stops before the next one starts: the balancer must have looked away by then.
HERE = {"MCP_DRAIN_SECONDS": "5"}


def run(short: bool) -> list[Outcome]:
    """On three nodes; the short form, and every control, on three replicas here."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        controls = [_unprotected(folder / "unprotected"), _abrupt(folder / "abrupt")]
        if short:
            (folder / "here").mkdir()
            old, new = secrets.token_hex(32), secrets.token_hex(32)
            with here(folder / "here", MCP_REQUEST_STATE_KEYS=old, **HERE) as service:
                found = [_once(service.url), _rotated(service, service.url, folder, old, new)]
            return [*found, *controls]
        with Lab(3) as lab:
            cluster = lab.cluster(3)
            cluster.form()
            stack = Deployment(cluster, folder / "secrets")
            stack.deploy("lab/swarm/probe.yml", LB_BALANCE="roundrobin")
            old = (folder / "secrets" / "request_state_keys").read_text().strip()
            new = secrets.token_hex(32)
            return [
                _once(stack.url()),
                _rotated(stack, stack.url(), folder, old, new),
                *controls,
            ]


def _once(url: str) -> Outcome:
    done, refused, effects = asyncio.run(replay(url, TIMES))
    return Outcome(
        f"A confirmed action replayed {TIMES} times over three replicas runs once",
        (done, refused, effects) == (1, TIMES - 1, 1),
        {"done": str(done), "refused as already used": str(refused), "effects": str(effects)},
    )


def _rotated(service: Service, url: str, folder: Path, old: str, new: str) -> Outcome:
    """Old alone → old and new → new and old → new alone."""
    loaded = rotate(service, url, folder, RATE, [[old, new], [new, old], [new]])
    return Outcome(
        "Keys of input rounds are rotated under load by rolling updates: 0 failed rounds",
        loaded.lost == 0 and loaded.document["flow"]["rounds"] >= loaded.made > 0,
        {
            "rounds": f"{loaded.made:,}",
            "failed": str(loaded.lost),
            "updates": "3, each of every replica",
        },
        loaded.report,
    )


def _unprotected(folder: Path) -> Outcome:
    folder.mkdir()
    with here(folder, without=["single-use"]) as service:
        done, _, effects = asyncio.run(replay(service.url, TIMES))
    return Outcome(
        f"The control: without single use it runs {TIMES} times",
        (done, effects) == (TIMES, TIMES),
        {"done": str(done), "effects": str(effects)},
    )


def _abrupt(folder: Path) -> Outcome:
    folder.mkdir()
    old, new = secrets.token_hex(32), secrets.token_hex(32)
    with here(folder, MCP_REQUEST_STATE_KEYS=old, **HERE) as service:
        loaded = rotate(service, service.url, folder, RATE, [[new]])
    return Outcome(
        "The control: the new key in the place of the old one, at once, fails rounds",
        loaded.lost > 0,
        {"rounds": f"{loaded.made:,}", "failed": str(loaded.lost)},
    )


PROOF = Proof("Input rounds over replicas", run)
