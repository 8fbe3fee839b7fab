"""An attacker beside twenty callers, through the balancer to three replicas that ask for a token.

Once without a token: the others' calls are answered, nearly as fast as without the attacker. Once
with one, which may have work done: the others' calls are answered too, and how fast is reported.
Nothing grows beyond its limit in stack.yml. The attacker runs on the machine of the service and
takes a part of its processors, with a lower priority, as one on another machine would not.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from lab.prove.attacks import ANONYMOUS, AUTHENTICATED
from lab.prove.proof import Outcome, Proof
from lab.swarm.load import CALL, Loaded, load
from lab.swarm.local_cluster import PACKAGES, SESSIONS, Here, here

ROOT = Path(__file__).parents[2]
SECONDS, SHORT_SECONDS = 60, 12
CONNECTIONS, SHORT_CONNECTIONS = 8000, 1000
TIMES = 3.0  # the p99 of callers may grow by so much
# Twenty callers that think for a fifth of a second.
CALLERS = ("--concurrent", "20", "--think", "exp:0.2", "--warmup", "2s", *CALL)
# Megabytes, as stack.yml and deploy/redis/start.sh limit them.
REPLICA, BALANCER, REDIS = 384, 256, 192
PRODUCTION = {"LB_BALANCE": "leastconn", "LB_CLIENTS": "8000", "LB_MAXCONN": "9500"}


def run(short: bool) -> list[Outcome]:
    """Each attacker against a service of its own; the short form is briefer and has fewer idle."""
    return [
        _outcome("An attacker without a token", list(ANONYMOUS), "", short),
        _outcome("An attacker with a token", list(AUTHENTICATED), "bad", short, **SESSIONS),
        _control(short),
    ]


def _control(short: bool) -> Outcome:
    """The bodies of anybody are read, whole and for as long as they take."""
    open_to_all = {
        "AUTH_ENABLED": "false",
        "without": ("body-time", "body-budget", "body-limit"),
        "lb": {**PRODUCTION, "LB_SOURCE_UPLOADS": "100000"},
    }
    harmed = _outcome("", ["large slow bodies", "whole bodies"], "", short, **open_to_all)
    return Outcome(
        "Control: without a token asked for, and without the limits of bodies, the first attacker's "
        "large bodies do harm",
        not harmed.holds,
        harmed.figures,
        "",
    )


def _outcome(who: str, attacks: list[str], token: str, short: bool, **settings: Any) -> Outcome:
    seconds = SHORT_SECONDS if short else SECONDS
    connections = SHORT_CONNECTIONS if short else CONNECTIONS
    with tempfile.TemporaryDirectory() as name, _service(Path(name), **settings) as service:
        callers = ("--token", "good", "--duration", str(seconds), *CALLERS)
        alone = load(service.url, Path(name), *callers)
        attacker = _attacker(service.url, seconds + 10, attacks, token, connections)
        with Memory(service) as memory:
            time.sleep(3)
            beside = load(service.url, Path(name), *callers)
        statuses = _end(attacker)
    p99 = [_p99(loaded) for loaded in (alone, beside)]
    most = memory.most
    is_within = most["replica"] < REPLICA and most["balancer"] < BALANCER and most["Redis"] < REDIS
    is_quick = bool(token) or p99[1] < TIMES * p99[0]
    quick = "" if token else f"p99 below {TIMES:g} times theirs alone, "
    return Outcome(
        f"{who} ({', '.join(attacks)}) beside 20 callers harms none of them: 0 failed, "
        f"{quick}memory within its limits",
        alone.lost == beside.lost == 0 and is_quick and is_within,
        {
            "callers' calls, alone and beside it": f"{alone.made:,} and {beside.made:,}",
            "failed": f"{alone.lost} and {beside.lost}",
            "p99": f"{p99[0]:.1f} ms and {p99[1]:.1f} ms ({p99[1] / p99[0]:.1f} times)",
            **{f"memory at most, {what}": f"{size:.0f} MB" for what, size in most.items()},
            "what the attacker was answered": ", ".join(
                f"{what}: {count:,}" for what, count in sorted(statuses.items())
            ),
        },
        "" if beside.lost == 0 else beside.report,
    )


@contextmanager
def _service(folder: Path, **settings: Any) -> Iterator[Here]:
    lines = [
        f"- {{sha256: {hashlib.sha256(token.encode()).hexdigest()}, client: {token}}}"
        for token in ("good", "bad")
    ]
    (folder / "callers.yml").write_text("\n".join(lines))
    asked = {"AUTH_ENABLED": "true", "AUTH_TOKENS_FILE": folder / "callers.yml", **settings}
    if asked["AUTH_ENABLED"] == "false":
        del asked["AUTH_TOKENS_FILE"]
    packages = (*PACKAGES, "server.examples.tools")
    with here(folder, asked.pop("lb", PRODUCTION), packages=packages, **asked) as service:
        yield service


def _attacker(
    url: str, seconds: float, attacks: list[str], token: str, connections: int
) -> "subprocess.Popen[str]":
    words = ["nice", sys.executable, "-m", "lab.prove.attacks", url, str(seconds), *attacks]
    words += ["--connections", str(connections), *(["--token", token] if token else [])]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _end(attacker: "subprocess.Popen[str]") -> dict[str, int]:
    out, _ = attacker.communicate(timeout=180)
    statuses: dict[str, int] = json.loads(out)
    return statuses


def _p99(loaded: Loaded) -> float:
    latency = loaded.document["latency_ms"]["since_due"]
    return float(latency["p99"] or latency["max"])


class Memory:
    """The most that each process had while this was open, in megabytes."""

    def __init__(self, service: Here) -> None:
        self.most = {"replica": 0.0, "balancer": 0.0, "Redis": 0.0}
        self._service = service
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.25):
            found = {
                "replica": max(map(_resident, self._service.pids)),
                "balancer": _resident(self._service.balancer.pid),
                "Redis": self._service.stored() / 1e6,
            }
            self.most = {name: max(size, self.most[name]) for name, size in found.items()}


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


PROOF = Proof("An attacker harms no other caller", run)
