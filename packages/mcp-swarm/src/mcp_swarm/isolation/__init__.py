"""Contains exceptions that would end more than one call.

Most code, the SDK's included, handles ``Exception`` and lets every other exception pass: it is
meant to end the task group, the event loop or the process. What a component raises must not: a
panic of a Rust library is a BaseException, and ``sys.exit`` in a command-line library is too.
"""

import asyncio
import logging

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR

logger = logging.getLogger(__name__)


def escapes(error: BaseException) -> bool:
    """Returns whether `error`, raised in this task, would end more than one call.

    A CancelledError does only if nobody cancelled this task: then the component itself cancelled a
    task and waited for it.
    """
    if isinstance(error, Exception):
        return False
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and not task.cancelling()
    return True


def is_cancelled(error: BaseException) -> bool:
    """Returns whether `error` is a cancellation from outside, which must be raised again."""
    return not isinstance(error, Exception) and not escapes(error)


def contained(error: BaseException, what: str) -> Exception:
    """Returns `error`, or an error in its place that ends a single request and reveals no secrets.

    Args:
        error: raised while a request was handled. The caller raises a cancellation from outside
            itself: an error raised by a function that has it as a variable forms a cycle with its
            traceback. Then all frames, a tool's open transaction among them, stay alive until the
            garbage collector runs.
        what: what was handled, for the log.
    """
    if isinstance(error, Exception):
        return error
    logger.error("%s raised %s", what, type(error).__name__, exc_info=error)
    return MCPError(INTERNAL_ERROR, "Internal server error")
