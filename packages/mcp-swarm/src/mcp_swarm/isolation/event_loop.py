"""Runs the event loop, which no tool can end.

asyncio lets a SystemExit or KeyboardInterrupt of any task or callback leave the loop: a library's
``sys.exit`` in a task that a tool left behind would end the process, and all other calls with it.
The loop itself is unharmed by that, so it goes on where it was. It costs nothing per task.
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
    """Runs `main` to its end, as ``asyncio.run`` does; what others raise ends them alone.

    Signals must be handled by other means than KeyboardInterrupt, as uvicorn does.

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
                # Whatever awaits the task logs its traceback; asyncio does if nothing awaits it.
                logger.warning("%s: its task or callback has ended, nothing else", _origin(error))


def _is_a_signal(error: BaseException) -> bool:
    """Whether Python itself may have raised it, because nobody else handles SIGINT."""
    is_interrupt = isinstance(error, KeyboardInterrupt)
    return is_interrupt and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _origin(error: BaseException) -> str:
    """What was raised, and by which line."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "C code"
    return f"{type(error).__name__} raised at {where}"
