"""Errors about jobs, and the error that a tool raises to be retried."""

from typing import Literal

from fastmcp.exceptions import ToolError

Kind = Literal["unknown", "invalid", "full", "conflict", "unfinished", "unreadable"]


class JobError(Exception):
    """A rejected request about a job. Each API of jobs reports it in its own form.

    Args:
        kind: ``unknown`` job or tool, ``invalid`` arguments, ``full`` queue, ``conflict`` of
            idempotency keys, ``unfinished`` job whose result was requested, or ``unreadable`` record:
            it was encrypted with a key that this server does not have.
        retry_after: seconds after which a retry makes sense; None if it never does.
    """

    def __init__(self, kind: Kind, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after = retry_after


class Retryable(ToolError):
    """Raised by a tool whose work may succeed later: its job is retried, with exponential backoff.

    In a direct call, and after the last try, the caller gets the message.

    Args:
        message: what went wrong; the caller sees it.
        after: seconds to wait before the next try; by default 1 s, doubled each time.
    """

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after
