"""A worker process of a run with `--processes`. `processes` starts it as a module.

It reads its plan, its share and the common start from standard input. It writes frames of
(kind, content) to standard output; the kinds are ready, so far, done and unreachable. It stops
when its input ends, because the parent closed it or died.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import struct
import sys
from dataclasses import dataclass
from typing import Any

from mcp_swarm_load.plan import Plan, Share
from mcp_swarm_load.progress import Snapshot
from mcp_swarm_load.run import run, run_on_fastest_loop
from mcp_swarm_load.target.pool import TargetError

LENGTH = struct.Struct("!Q")


@dataclass(frozen=True, slots=True)
class Assignment:
    """The work of one worker."""

    plan: Plan
    share: Share


def frame(content: Any) -> bytes:
    """Returns the bytes from which `read_frame` restores `content`."""
    body = pickle.dumps(content)
    return LENGTH.pack(len(body)) + body


async def read_frame(stream: asyncio.StreamReader) -> Any:
    """Returns the next content from the other side; None after it has closed.

    Both sides are this program, so unpickling its data is safe.
    """
    try:
        (length,) = LENGTH.unpack(await stream.readexactly(LENGTH.size))
        return pickle.loads(await stream.readexactly(length))  # noqa: S301  see above
    except asyncio.IncompleteReadError:
        return None


async def work(output: int) -> None:
    """Reads the assignment, runs it and writes its outcome."""
    incoming = asyncio.StreamReader(limit=1 << 26)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(incoming), sys.stdin)
    assignment = await read_frame(incoming)
    if assignment is None:
        return
    send(output, ("ready", None))
    start = await read_frame(incoming)
    if start is None:
        return
    stop = asyncio.Event()
    listening = asyncio.ensure_future(_wait_for_stop(incoming, stop))
    try:
        outcome = await run(
            assignment.plan,
            lambda snapshot: send(output, ("so far", snapshot)),
            share=assignment.share,
            start=start,
            stop=stop,
        )
    except TargetError as error:
        send(output, ("unreachable", str(error)))
    else:
        send(output, ("done", outcome))
    listening.cancel()


async def _wait_for_stop(incoming: asyncio.StreamReader, stop: asyncio.Event) -> None:
    await read_frame(incoming)
    stop.set()


def send(output: int, content: tuple[str, Snapshot | Any]) -> None:
    """Writes one frame. Does nothing if the parent is gone."""
    left = memoryview(frame(content))
    try:
        while left:
            left = left[os.write(output, left) :]
    except BrokenPipeError:
        pass


def main() -> None:
    """Runs the worker. Standard output carries frames only, so prints go to standard error."""
    output = os.dup(1)
    os.dup2(2, 1)
    run_on_fastest_loop(work(output))


if __name__ == "__main__":
    main()
