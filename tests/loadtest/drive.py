"""Runs the tester against a target of known truth, in one process or as the program it is."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from loadtest.measure.identity import Unit, Wanted
from loadtest.plan import Plan
from loadtest.report.document import document
from loadtest.run import run
from tests.loadtest.target import Target

ROOT = Path(__file__).parents[2]
BUSY = "--accept-busy-client"
"""For runs of targets that answer at once on a machine that has other work: not what is tested."""


HELD_UP_SECONDS, TICK_SECONDS = 0.1, 0.01
T = TypeVar("T")


async def load(
    target: Target, thresholds: Sequence[str] = (), unit: Unit = "auto", **options: Any
) -> dict[str, Any]:
    """The document of one run against a serving target.

    The target keeps the same event loop busy, so the tester is judged as if it were not.
    """
    plan = Plan(url=urlsplit(target.url), **options)
    wanted = Wanted(tuple(thresholds), unit, accept_busy_client=True)
    return document(plan, await run(plan), ["test_swarm_load.py"], wanted)


async def undisturbed(make: Callable[[], Awaitable[T]], tries: int = 5) -> T:
    """What `make` comes to while this process has its turns; where it is held up, once more.

    For what is told by the clock, and cannot be told by one that stood still. The last try counts.
    """
    latest = 0.0

    async def watch() -> None:
        nonlocal latest
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            latest = max(latest, loop.time() - due)

    for _ in range(tries):
        latest = 0.0
        watching = asyncio.create_task(watch())
        try:
            found = await make()
        finally:
            watching.cancel()
        if latest < HELD_UP_SECONDS:
            break
    return found


async def program(
    script: str, *words: str, env: dict[str, str] | None = None
) -> asyncio.subprocess.Process:
    """One of the root's scripts as a process, its output in pipes."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / script),
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )


async def finished(
    script: str, *words: str, env: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one of the root's scripts."""
    process = await program(script, *words, env=env)
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def names(count: int) -> Sequence[str]:
    """Replica names as containers have them."""
    return [f"ad1b23ba0c{number:02x}" for number in range(count)]
