"""A real Swarm of three nodes, spread, scaled and rolled under load."""

import tempfile
from pathlib import Path

from lab.prove.proof import Outcome, Proof
from lab.swarm.commands import run as command
from lab.swarm.deployment import Deployment
from lab.swarm.lab import Lab
from lab.swarm.load import CALL, Loaded, load, roll_under_load

CURL = (
    *("curl", "-s", "-w", "\n%{http_code} %{content_type}\n", "-X", "POST"),
    *("-H", "Content-Type: application/json", "-H", "Accept: application/json"),
    *("-d", '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'),
)
HEAVY = ("--requests", "300", "--concurrent", "50")
RATE, LEAST = 30, 10_000

# The seed's two published runs: requests, concurrent, then its requests/s and its average (ms).
# It does not say on what machine; its tool is not named either. Ours reads the database.
SEED = ((100, 20, 44.0, 147), (300, 50, 54.2, 434))


def run(short: bool) -> list[Outcome]:
    """The full form; its short form are the tests in lab/swarm, which CI runs anyway."""
    if short:
        return []
    with tempfile.TemporaryDirectory() as name, Lab(3) as lab:
        folder = Path(name)
        cluster = lab.cluster(3)
        cluster.form()
        stack = Deployment(cluster, folder / "secrets")
        stack.deploy(LB_BALANCE="roundrobin")
        outcomes = [_curl(stack), _spread(stack, folder, 3), _scaled(stack, folder)]
        stack.balance("leastconn")  # the default
        return [
            *outcomes,
            _by_speed(stack, folder),
            *(_seed(stack, folder, *figures) for figures in SEED),
            *_rolled(stack, folder),
        ]


def _curl(stack: Deployment) -> Outcome:
    said = command(*CURL, stack.url())
    body, _, status = said.rpartition("\n")
    shown = f"$ curl -X POST {stack.url()} … tools/list\n{body[:200]}…\n{status}"
    return Outcome(
        "A plain POST with `Accept: application/json` is answered with 200 and JSON",
        status == "200 application/json" and body.startswith('{"jsonrpc":"2.0","id":1,"result"'),
        {"answer": status},
        shown,
    )


def _spread(stack: Deployment, folder: Path, replicas: int) -> Outcome:
    options = (*HEAVY, "--expect-replicas", str(replicas), "--threshold", "even")
    loaded = load(stack.url(), folder, *options)
    return Outcome(
        f"300 requests, 50 at a time, balanced by turns (`LB_BALANCE=roundrobin`): all succeed, "
        f"spread evenly over {replicas} of {replicas} replicas",
        loaded.exit_code == 0 and loaded.lost == 0,
        _spread_of(loaded),
        f"$ python test_swarm_load.py {' '.join(options)}\n{loaded.report}",
    )


def _by_speed(stack: Deployment, folder: Path) -> Outcome:
    """The same by default: how even it is depends on how fast the replicas are, so it is told."""
    loaded = load(stack.url(), folder, *HEAVY, "--expect-replicas", "3")
    return Outcome(
        "The same, balanced by the fewest connections (the default): all succeed, 3 of 3 replicas, "
        "and each gets as much as it is fast",
        loaded.exit_code == 0 and loaded.lost == 0,
        _spread_of(loaded),
    )


def _spread_of(loaded: Loaded) -> dict[str, str]:
    return {
        "made": str(loaded.made),
        "failed": str(loaded.lost),
        "spread": str(loaded.document["spread"]["verdict"]),
        "by replica": " / ".join(str(replica["calls"]) for replica in loaded.document["replicas"]),
    }


def _seed(
    stack: Deployment, folder: Path, calls: int, at_once: int, rate: float, ms: int
) -> Outcome:
    options = ("--requests", str(calls), "--concurrent", str(at_once), "--expect-replicas", "3")
    loaded = load(stack.url(), folder, *options, *CALL)
    totals, latency = loaded.document["totals"], loaded.document["latency_ms"]["since_sent"]
    return Outcome(
        f"The seed's run of {calls} requests, {at_once} at a time, here on three nodes",
        loaded.lost == 0,
        {
            "requests/s, the seed's": f"{rate:g}",
            "requests/s, here": f"{totals['right_per_second']:.1f}",
            "average, the seed's": f"{ms} ms",
            "average, here": f"{latency['avg']:.0f} ms",
            "success, the seed's and here": f"100 %, {100 * (1 - loaded.lost / loaded.made):.0f} %",
        },
    )


def _scaled(stack: Deployment, folder: Path) -> Outcome:
    stack.scale(5)
    try:
        return _spread(stack, folder, 5)
    finally:
        stack.scale(3)


def _rolled(stack: Deployment, folder: Path) -> list[Outcome]:
    before = set(stack.replicas())
    ran = roll_under_load(stack, folder, RATE, LEAST)
    replaced = not before & set(stack.replicas())
    return [_without_loss(era, loaded, replaced) for era, loaded in ran.items()]


def _without_loss(era: str, loaded: Loaded, replaced: bool) -> Outcome:
    latency = loaded.document["latency_ms"]["since_due"]
    return Outcome(
        f"`docker service update --force` under load, {era} era: not one call fails",
        replaced and loaded.lost == 0 and loaded.made >= LEAST,
        {
            "calls": f"{loaded.made:,}",
            "failed": str(loaded.lost),
            "p50": f"{latency['p50']:.1f} ms",
            "p99": f"{latency['p99']:.1f} ms",
            "max": f"{latency['max']:.1f} ms",
        },
        loaded.report,
    )


PROOF = Proof("A Swarm of three nodes", run)
