"""Runs the load tester against a target, in this process or as a program."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from mcp_swarm_load.measure.identity import Criteria, UnitChoice
from mcp_swarm_load.plan import Plan
from mcp_swarm_load.report.document import document
from mcp_swarm_load.run import run
from mcp_swarm_load.testing.target import Target

PROGRAM = (sys.executable, "-m", "mcp_swarm_load")
_END = b"\x04the end"
BUSY = "--accept-busy-client"
"""For runs against fast targets on a busy machine, where the tester's load is not under test."""


STALL_SECONDS, TICK_SECONDS = 0.1, 0.01
T = TypeVar("T")


async def load(
    target: Target, thresholds: Sequence[str] = (), unit: UnitChoice = "auto", **options: Any
) -> dict[str, Any]:
    """Returns the document of one run against a serving target.

    The target shares the tester's event loop, so the run is judged even if the tester was busy.
    """
    plan = Plan(url=urlsplit(target.url), **options)
    criteria = Criteria(tuple(thresholds), unit, accept_busy_client=True)
    return document(plan, await run(plan), ["mcp-swarm-load"], criteria)


async def without_stalls(make: Callable[[], Awaitable[T]], tries: int = 5) -> T:
    """Returns the result of `make` from a try in which this process did not stall.

    It is for measurements of time, which a stalled process cannot make. The last try counts anyway.
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
        if latest < STALL_SECONDS:
            break
    return found


async def program(
    *words: str, env: Mapping[str, str] | None = None, command: Sequence[str] = PROGRAM
) -> asyncio.subprocess.Process:
    """Starts the load tester, or another `command`, as a process with its output in pipes."""
    return await asyncio.create_subprocess_exec(
        *command,
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )


async def finished(
    *words: str, env: Mapping[str, str] | None = None, command: Sequence[str] = PROGRAM
) -> tuple[int, str, str]:
    """Runs the load tester, or another `command`; returns exit code, stdout and stderr."""
    process = await program(*words, env=env, command=command)
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def on_a_terminal(*words: str, **env: str) -> str:
    """Runs the load tester on a pseudo-terminal; returns what it writes there."""
    controller, terminal = os.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, *words, stdout=terminal, stderr=terminal, env={**os.environ, **env}
        )
        reading = asyncio.create_task(asyncio.to_thread(_read_to_end, controller))
        await process.wait()
        # A terminal may lose unread output once its last writer closes it.
        os.write(terminal, _END)
        return await reading
    finally:
        os.close(controller)
        os.close(terminal)


def _read_to_end(descriptor: int) -> str:
    found = b""
    while not found.endswith(_END):
        found += os.read(descriptor, 65536)
    return found.removesuffix(_END).decode()


def names(count: int) -> Sequence[str]:
    """Returns replica names like those of containers."""
    return [f"ad1b23ba0c{number:02x}" for number in range(count)]
