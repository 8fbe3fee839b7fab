"""The worker's side of ``killable``: limits the memory of its process, then does the work.

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
    """What `function` returns, in so much memory beside what the process has before its first work.

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
        # Its frames hold all that was made so far, and the process keeps it until the next work.
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
        most = pages * resource.getpagesize() + size
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
