"""Replicas are killed (SIGKILL) at moments drawn by chance while clients of others call."""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from lab.conformance.balancer import CONFIGURATION
from lab.foreign.clients import Seen, running
from lab.swarm.local_cluster import here

# Seconds between a whole service and the next kill, at most.
LATEST = 1.5
TWO_AT_ONCE = 0.2  # of the kills
SECONDS_TO_BE_WHOLE = 60.0


def lived_through(
    folder: Path, names: Sequence[str], *, kills: int, seed: int, **settings: Any
) -> dict[str, Seen]:
    """What clients saw of so many kills among three replicas behind the project's balancer."""
    rng = Random(seed)
    with here(folder, **settings) as service, running(names, service.url) as clients:
        killed = 0
        while killed < kills:
            time.sleep(rng.uniform(0, LATEST))
            for name in rng.sample(service.names, 2 if rng.random() < TWO_AT_ONCE else 1):
                service.kill(name)
                killed += 1
            deadline = time.monotonic() + SECONDS_TO_BE_WHOLE
            while not service.is_whole():
                if time.monotonic() > deadline:
                    raise AssertionError("a killed replica was not replaced")
                time.sleep(0.1)
        return clients.stop()


def plain_balancer(folder: Path) -> Path:
    """The configuration without errors in JSON-RPC: a control, of which clients end."""
    made = folder / "haproxy"
    shutil.copytree(CONFIGURATION.parent, made)
    text = (made / "haproxy.cfg").read_text()
    rule = "set-var(txn.older) bool(true) if METH_POST"
    assert rule in text
    (made / "haproxy.cfg").write_text(text.replace(rule, f"{rule} FALSE"))
    return made / "haproxy.cfg"
