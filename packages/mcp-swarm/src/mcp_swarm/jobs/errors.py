"""What can be refused about a job, and what a tool raises to be tried again."""

from typing import Literal

from fastmcp.exceptions import ToolError

Kind = Literal["unknown", "invalid", "full", "conflict", "unfinished", "unreadable"]


class JobError(Exception):
    """A request about a job that is refused; each way in tells it in its own form.

    Args:
        kind: ``unknown`` job or tool, ``invalid`` arguments, queue ``full``, idempotency key in
            ``conflict``, a result that is asked for while the job is ``unfinished``, or a job that was sealed
            with a key that is not here: ``unreadable``.
        retry_after: seconds after which asking again makes sense; None if it never does.
    """

    def __init__(self, kind: Kind, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after = retry_after


class Retryable(ToolError):
    """Raised by a tool whose work may succeed later: a job is tried again, with growing pauses.

    In a direct call, and after the last try, the caller reads the message.

    Args:
        message: what went wrong; it reaches the caller.
        after: seconds to wait before the next try; by default 1 s, doubled each time.
    """

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after
