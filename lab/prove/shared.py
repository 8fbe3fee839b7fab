"""What calls, rounds, sessions, events and jobs ask of Redis, replica by replica.

Counted on a real Valkey, at one, three and ten replicas; docs/scaling.md reckons with it.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx2

from lab import replica as replicas
from lab.legacy import SETTINGS
from lab.prove.operations import Jobs, Operations, Sessions, Stateless
from lab.prove.proof import Outcome, Proof
from lab.prove.watch import RedisCost, Watch
from lab.replica import SAMPLE, Replica
from lab.valkey import Valkey

SIZES, SHORT = (1, 3, 10), (1, 3)
WORKERS = 2
# What may be left over of what replicas ask while idle, which is taken off.
SLACK = 0.2
# How often a streamed call writes is a matter of moments; one command a replica would be far more.
MORE = 1.25
FOR_ALL = "session closed"  # every replica is told, and asks for the next message

Costs = dict[str, dict[int, RedisCost]]


def run(short: bool) -> list[Outcome]:
    """Three services one after the other, each scaled up from one replica."""
    with tempfile.TemporaryDirectory() as name:
        plan = Plan(Path(name), SHORT if short else SIZES, 10 if short else 40, short)
        return asyncio.run(plan.outcomes())


class Plan:
    """What is measured, and what of it was."""

    def __init__(self, folder: Path, sizes: Sequence[int], count: int, short: bool) -> None:
        self.folder = folder
        self.sizes = sizes
        self.count = count
        self.seconds = 2.0 if short else 4.0  # what is sent every two seconds counts whole
        self.measured = count if short else 10 * count
        self.costs: Costs = {}
        self.idle: Costs = {}
        self.connections: dict[str, dict[int, float]] = {}
        self.more = 0  # connections that open streams add
        self.session = 0.0  # bytes of Redis

    async def outcomes(self) -> list[Outcome]:
        """Measures all, and judges."""
        await self._scaled("stateless", Stateless, packages=SAMPLE)
        await self._scaled("sessions", Sessions, **SETTINGS)
        await self._scaled("tasks", Jobs, packages=("lab.jobs.sample",))
        return [self._calls(), self._same(), self._connected()]

    async def _scaled(self, mode: str, kind: type[Operations], **settings: Any) -> None:
        valkey = Valkey(self.folder / mode / "valkey", appendfsync="always")
        watch = Watch(valkey)
        shared = {"REDIS_URL": valkey.url, "MCP_REQUEST_STATE_KEYS": "0" * 64, **settings}
        made: list[Replica] = []
        try:
            for size in self.sizes:
                while len([one for one in made if one.port]) < size:
                    made.append(self._started(mode, len(made), shared))
                await self._measure(mode, kind, made, watch, shared)
        finally:
            for one in made:
                one.end()
            watch.close()
            valkey.end()

    def _started(self, mode: str, number: int, settings: Any, **options: Any) -> Replica:
        one = replicas.start(self.folder / mode / str(number), **settings, **options)
        one.wait_until_ready()
        return one

    async def _measure(
        self, mode: str, kind: type[Operations], made: list[Replica], watch: Watch, shared: Any
    ) -> None:
        size = len(made)
        limits = httpx2.Limits(max_connections=8)
        async with httpx2.AsyncClient(timeout=60, trust_env=False, limits=limits) as http:
            operations = kind(http, made, self.folder)
            watch.pids = [one.process.pid for one in made]
            idle = await watch.idle(self.seconds)
            self.idle.setdefault(mode, {})[size] = idle
            workers = []
            try:
                if kind is Jobs:
                    workers = [
                        self._started(mode, 100 + size + n, shared, worker=True)
                        for n in range(WORKERS)
                    ]
                    with_workers = await watch.idle(self.seconds)
                    more = with_workers.less(idle, 1).by(WORKERS)
                    self.idle.setdefault("a worker", {})[size] = more
                    idle = with_workers
                for name, work in operations.all().items():
                    await work(len(made))  # connections open, scripts are known
                    cost = await watch.operation(work, self.count, self.measured, idle)
                    self.costs.setdefault(name, {})[size] = cost
            finally:
                for worker in workers:
                    worker.stop(seconds=60)
            self.connections.setdefault(mode, {})[size] = watch.connections() / size
            if isinstance(operations, Sessions):
                stored = watch.memory()
                await operations.each(self.measured, operations.open)
                self.session = (watch.memory() - stored) / self.measured
                await operations.each(self.measured, operations.close)
            if isinstance(operations, Stateless):
                before = watch.connections()
                async with operations.listening(self.count):
                    self.more = max(self.more, watch.connections() - before)

    def _calls(self) -> Outcome:
        most = max(cost.run for cost in self.costs["stateless call"].values())
        return Outcome(
            "A stateless call asks nothing of Redis",
            abs(most) < SLACK,
            {"commands a call, most": f"{max(0.0, most):.1f}"},
            numbers={
                "redis": {name: _numbers(sizes) for name, sizes in self.costs.items()},
                "idle": {name: _numbers(sizes) for name, sizes in self.idle.items()},
            },
        )

    def _same(self) -> Outcome:
        few, many = self.sizes[0], self.sizes[-1]
        same = [name for name in self.costs if name != FOR_ALL]
        grown = [
            name
            for name in same
            if self.costs[name][many].sent > MORE * self.costs[name][few].sent + SLACK
        ]
        return Outcome(
            f"Nothing but closing a session sends Redis more commands with {many} replicas than with "
            f"{few}: a call, a round, a session, an event and a job cost the same",
            not grown,
            {name: _words(sizes, "") for name, sizes in self.costs.items()},
            f"more: {', '.join(grown)}" if grown else "",
        )

    def _connected(self) -> Outcome:
        most = {mode: max(sizes.values()) for mode, sizes in self.connections.items()}
        idle = {
            f"{mode}, idle": _words(sizes, " a second in all") for mode, sizes in self.idle.items()
        }
        return Outcome(
            "Open streams add no connection to Redis",
            self.more <= 0,
            {
                "open listen streams": str(self.count),
                "connections that they add": str(self.more),
                "memory of Redis, an open session": f"{self.session:.0f} B",
                **{f"connections a replica, {mode}": f"{n:.1f}" for mode, n in most.items()},
                **idle,
            },
            numbers={"connections": most, "session, bytes": round(self.session)},
        )


def _numbers(sizes: dict[int, RedisCost]) -> dict[str, dict[str, float]]:
    return {
        str(size): {name: round(max(0.0, value), 2) for name, value in asdict(cost).items()}
        for size, cost in sizes.items()
    }


def _words(sizes: dict[int, RedisCost], each: str) -> str:
    words = [
        f"{max(0.0, cost.sent):.1f} sent, {max(0.0, cost.run):.1f} run, {max(0.0, cost.cpu):.0f} µs"
        for cost in sizes.values()
    ]
    names = " / ".join(str(size) for size in sizes)
    return f"{'; '.join(words)}{each} (with {names} replicas)"


PROOF = Proof("What replicas ask of Redis", run)
