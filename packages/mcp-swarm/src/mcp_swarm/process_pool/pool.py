"""Runs a function in a process that is killed when it takes too long or too much memory.

Use it for code that parses, converts or matches what a caller sent: a thread cannot be stopped, and
a small input may need gigabytes. A replica has a fixed number of these processes, whatever the number
of cores of its node. Callers are served round-robin, so that one with many calls does not delay the
others.

    text = await process_pool.run(convert, data, seconds=5)

`convert` is a function of a module that imports little: each process imports it once, and loads no
FastMCP for it. Arguments and result are pickled. The process runs the main module as ``__mp_main__``,
which must do its work under ``if __name__ == "__main__"``, as ``python -m server`` does.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from anyio import BrokenWorkerProcess, CapacityLimiter, fail_after, to_process
from anyio.lowlevel import RunVar

from mcp_swarm.process_pool.memory_limit import limited
from mcp_swarm.process_pool.tool_error import ToolError
from mcp_swarm.process_pool.turns import Turns

T = TypeVar("T")

# Processes of a replica, and what each may take beside the 30 MB that it begins with: both at once fit
# beside a replica at work into the memory that stack.yml gives it.
PROCESSES, MEGABYTES = 2, 128


class Stopped(ToolError):
    """The function was stopped; the message names the next step."""


async def run(function: Callable[..., T], *arguments: object, seconds: float) -> T:
    """Returns what ``function(*arguments)`` returns. A cancelled call kills the process as well.

    Raises:
        Stopped: it took longer than `seconds` or more than ``MEGABYTES``.
        TooManyError: too many calls of this caller wait for their turn.
    """
    async with _turn():
        try:
            with fail_after(seconds):
                return await to_process.run_sync(
                    limited,
                    MEGABYTES,
                    function,
                    arguments,
                    cancellable=True,
                    limiter=_limiter_of_pool(),
                )
        except TimeoutError:
            raise Stopped(
                f"This was stopped after {seconds:g} s. Ask for less at once, or simplify it."
            ) from None
        except (MemoryError, BrokenWorkerProcess):
            raise Stopped(
                f"This was stopped because it needs more than {MEGABYTES} MB of memory. Ask for less "
                "at once, or simplify it."
            ) from None


# Of the running event loop.
_turns: RunVar[Turns] = RunVar("process_pool_turns")
_limiter: RunVar[CapacityLimiter] = RunVar("process_pool_limiter")


@asynccontextmanager
async def _turn() -> AsyncIterator[None]:
    from mcp_swarm import identity  # not in the processes themselves: it loads FastMCP

    try:
        turns = _turns.get()
    except LookupError:
        _turns.set(turns := Turns(PROCESSES))
    await turns.take(identity.current().owner)
    try:
        yield
    finally:
        turns.give()


def _limiter_of_pool() -> CapacityLimiter:
    """Replaces anyio's default, which is the number of cores. It never blocks: ``Turns`` admits as many."""
    try:
        return _limiter.get()
    except LookupError:
        _limiter.set(made := CapacityLimiter(PROCESSES))
        return made
