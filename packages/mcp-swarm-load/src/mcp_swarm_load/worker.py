"""A worker process of a run with `--processes`: `python -m mcp_swarm_load.worker`, started by `processes`.

It reads its plan and share and then the common start from standard input, and writes frames of
(kind, content) to standard output: ready, so far, done, unreachable. When its input ends, be it
that it is told so or that the parent is gone, it stops.
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
    """What a worker is to do."""

    plan: Plan
    share: Share


def frame(content: Any) -> bytes:
    """Bytes that `read_frame` makes the content of again."""
    body = pickle.dumps(content)
    return LENGTH.pack(len(body)) + body


async def read_frame(stream: asyncio.StreamReader) -> Any:
    """The next content that the other side wrote; None once it has closed.

    Both sides are this program, so what comes is trusted as the program itself is.
    """
    try:
        (length,) = LENGTH.unpack(await stream.readexactly(LENGTH.size))
        return pickle.loads(await stream.readexactly(length))  # noqa: S301  see above
    except asyncio.IncompleteReadError:
        return None


async def work(output: int) -> None:
    """Take the order, do it, tell what came of it."""
    orders = asyncio.StreamReader(limit=1 << 26)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    order = await read_frame(orders)
    if order is None:
        return
    send(output, ("ready", None))
    start = await read_frame(orders)
    if start is None:
        return
    stop = asyncio.Event()
    listening = asyncio.ensure_future(_wait_for_stop(orders, stop))
    try:
        outcome = await run(
            order.plan,
            lambda snapshot: send(output, ("so far", snapshot)),
            share=order.share,
            start=start,
            stop=stop,
        )
    except TargetError as error:
        send(output, ("unreachable", str(error)))
    else:
        send(output, ("done", outcome))
    listening.cancel()


async def _wait_for_stop(orders: asyncio.StreamReader, stop: asyncio.Event) -> None:
    await read_frame(orders)
    stop.set()


def send(output: int, content: tuple[str, Snapshot | Any]) -> None:
    """Write one frame; a parent that is gone needs none."""
    left = memoryview(frame(content))
    try:
        while left:
            left = left[os.write(output, left) :]
    except BrokenPipeError:
        pass


def main() -> None:
    """Standard output is for frames alone: what else would be printed goes to standard error."""
    output = os.dup(1)
    os.dup2(2, 1)
    run_on_fastest_loop(work(output))


if __name__ == "__main__":
    main()
