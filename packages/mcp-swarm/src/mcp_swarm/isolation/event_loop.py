"""Runs the event loop so that no tool can end it.

In asyncio a SystemExit or KeyboardInterrupt of any task or callback leaves the loop. So a library's
``sys.exit`` in a task that a tool left behind would end the process and all other calls. The loop
itself stays intact, so it is simply run again. This costs nothing per task.
"""

import asyncio
import logging
import signal
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
LoopFactory = Callable[[], asyncio.AbstractEventLoop]

logger = logging.getLogger(__name__)


def run(main: Coroutine[Any, Any, T], loop_factory: LoopFactory | None) -> T:
    """Runs `main` to its end like ``asyncio.run``. What other tasks raise ends only them.

    Signals must not be handled by KeyboardInterrupt; uvicorn does not.

    Raises:
        BaseException: what `main` raised.
    """
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        loop = runner.get_loop()
        task = loop.create_task(main)
        while True:
            try:
                return loop.run_until_complete(task)
            except (SystemExit, KeyboardInterrupt) as error:
                if task.done() or _is_a_signal(error):
                    raise
                # The traceback is logged by whoever awaits the task, or by asyncio if nobody does.
                logger.warning("%s: only its task or callback has ended", _origin(error))


def _is_a_signal(error: BaseException) -> bool:
    """Returns whether Python itself may have raised it, because nobody else handles SIGINT."""
    is_interrupt = isinstance(error, KeyboardInterrupt)
    return is_interrupt and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _origin(error: BaseException) -> str:
    """Returns what was raised, and on which line."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "C code"
    return f"{type(error).__name__} raised at {where}"
