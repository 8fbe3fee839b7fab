"""Runs a plan in several processes and merges their results.

Each process makes its share of the calls from one common start. Histograms merge exactly, so no
percentile is averaged.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from mcp_swarm_load.plan import Plan, Share
from mcp_swarm_load.progress import Snapshot
from mcp_swarm_load.run import Outcome, WorkerError, signals_set
from mcp_swarm_load.target.pool import TargetError
from mcp_swarm_load.worker import Assignment, frame, read_frame

_HEAD_START_NS = 200_000_000
"""Time between all workers being ready and the common start, for them to connect."""

_LIMIT = 1 << 26
_EXIT_TIMEOUT_SECONDS = 10.0
"""How long a worker may take to exit after it is asked to stop."""


class _Worker:
    """The parent's handle of one worker process."""

    def __init__(self, process: asyncio.subprocess.Process, number: int) -> None:
        self._process, self._number = process, number
        self.snapshot = Snapshot()
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self, content: Any) -> None:
        """Writes one frame to the worker."""
        assert self._process.stdin is not None
        self._process.stdin.write(frame(content))

    def stop(self) -> None:
        """Asks the worker to end its run."""
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.close()

    async def outcome(self) -> Outcome:
        """Waits for the worker's outcome. Raises TargetError or WorkerError."""
        assert self._process.stdout is not None
        while content := await read_frame(self._process.stdout):
            match content:
                case ("ready", _):
                    self.ready.set_result(None)
                case ("so far", snapshot):
                    self.snapshot = snapshot
                case ("unreachable", why):
                    raise TargetError(why)
                case ("done", Outcome() as outcome):
                    return outcome
        code = await self._process.wait()
        raise WorkerError(f"worker process {self._number} ended early with exit code {code}")

    async def end(self) -> None:
        """Stops the process, and kills it if it does not exit in time."""
        self.stop()
        try:
            await asyncio.wait_for(self._process.wait(), _EXIT_TIMEOUT_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def run_processes(plan: Plan, watch: Callable[[Snapshot], None] | None = None) -> Outcome:
    """Makes the calls of `plan` in `plan.processes` processes.

    Raises TargetError if the target cannot be reached, and WorkerError if a worker died.
    """
    workers = [await _started(number) for number in range(plan.processes)]
    outcomes = [asyncio.ensure_future(worker.outcome()) for worker in workers]
    watcher = asyncio.ensure_future(_watch(workers, watch)) if watch else None
    stop = asyncio.Event()
    stopped = asyncio.ensure_future(stop.wait())
    with signals_set(stop):
        try:
            for number, worker in enumerate(workers):
                worker.send(Assignment(plan, Share(number, plan.processes)))
            ready = asyncio.gather(*(worker.ready for worker in workers))
            await _first_of(ready, stopped, *outcomes)
            start = perf_counter_ns() + _HEAD_START_NS
            for worker in workers:
                worker.send(start)
            everything = asyncio.gather(*outcomes)
            await _first_of(everything, stopped)
            if stop.is_set():
                for worker in workers:
                    worker.stop()
            return _merged(await everything)
        finally:
            for task in (stopped, watcher, *outcomes):
                if task is not None:
                    task.cancel()
            await asyncio.gather(stopped, *outcomes, return_exceptions=True)
            await asyncio.gather(*(worker.end() for worker in workers))


async def _started(number: int) -> _Worker:
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mcp_swarm_load.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        limit=_LIMIT,
        start_new_session=True,  # Ctrl-C reaches the parent only, which then stops the workers
    )
    return _Worker(process, number)


async def _first_of(*waited: asyncio.Future[Any]) -> None:
    """Returns when one of these is done; raises its exception if it failed."""
    done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    for each in done:
        each.result()


async def _watch(workers: list[_Worker], watch: Callable[[Snapshot], None]) -> None:
    while True:
        await asyncio.sleep(0.25)
        whole = Snapshot(elapsed=-1)
        for worker in workers:
            whole.merge(worker.snapshot)
        watch(whole)


def _merged(outcomes: list[Outcome]) -> Outcome:
    first, *others = outcomes
    for other in others:
        first.result.merge(other.result)
        first.affinity.merge(other.affinity)
        first.connections += other.connections
        first.cpu_seconds += other.cpu_seconds
        first.interrupted = first.interrupted or other.interrupted
        first.started_at = min(first.started_at, other.started_at)
    return first
