"""Runs in a process of the pool: limits its memory, then calls the function.

Such a process loads neither FastMCP nor the server, so this module imports nothing of either.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

# Whether this process is such a worker, which anyio starts as ``python -m anyio.to_process``.
in_worker = Path(sys.argv[0]).parts[-2:] == ("anyio", "to_process.py") if sys.argv else False

_is_limited = False


def limited(megabytes: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Returns what `function` returns. It may use `megabytes` beside what the process has at its first call.

    Raises:
        MemoryError: it needed more.
    """
    global _is_limited  # noqa: PLW0603 - as long as the process
    if not _is_limited:
        _is_limited = True
        _limit(megabytes << 20)
    try:
        return function(*arguments)
    except BaseException as error:
        # Its frames hold all values made so far, and the process keeps the error until the next call.
        error.__traceback__ = error.__context__ = error.__cause__ = None
        failed = error
    raise failed


def _limit(size: int) -> None:
    if sys.platform == "win32":  # it has no such limit
        return
    import resource

    with suppress(OSError):
        # If the container has no memory left, the kernel ends this process and not the server.
        Path("/proc/self/oom_score_adj").write_text("1000")
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + size
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
