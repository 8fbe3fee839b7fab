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
    """Whether `error`, raised by what runs in this task, would end more than one call.

    A CancelledError is one only if nobody cancelled this task: then it is the component's own,
    of a task that it cancelled and waited for, and nothing that its callers asked for.
    """
    if isinstance(error, Exception):
        return False
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and not task.cancelling()
    return True


def is_cancelled(error: BaseException) -> bool:
    """Whether `error` is a cancellation from outside, which has to pass."""
    return not isinstance(error, Exception) and not escapes(error)


def contained(error: BaseException, what: str) -> Exception:
    """Returns `error`, or instead of it one that ends a single request and reveals no secrets.

    Args:
        error: what the request's handling raised. A cancellation from outside is raised by who
            caught it, not from here: an error that is raised by a function that holds it forms a
            cycle with its traceback, and all frames stay alive until the garbage collector runs,
            the tool's with the transaction that it holds open among them.
        what: was handled, for the log.
    """
    if isinstance(error, Exception):
        return error
    logger.error("%s raised %s", what, type(error).__name__, exc_info=error)
    return MCPError(INTERNAL_ERROR, "Internal server error")
