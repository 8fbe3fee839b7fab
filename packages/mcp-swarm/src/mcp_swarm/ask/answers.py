"""What comes of a question: an answer, a refusal, or the error that none could be had."""

import logging
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import mcp_types as types
from fastmcp.exceptions import ToolError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Accepted(Generic[T]):
    """The answer is in `data`. True in a condition."""

    data: T
    action: Literal["accept"] = "accept"

    def __bool__(self) -> Literal[True]:
        return True


@dataclass(frozen=True, slots=True)
class Declined:
    """The person said no (`decline`) or closed the question (`cancel`). False in a condition."""

    action: Literal["decline", "cancel"]

    def __bool__(self) -> Literal[False]:
        return False


@dataclass(frozen=True, slots=True)
class Reply:
    """What the client's model wrote.

    Attributes:
        text: all text of it; empty if it answered with an image or audio alone.
        model: the model's name, as the client tells it.
        stop_reason: why it ended, such as ``endTurn`` or ``maxTokens``.
        content: the protocol's own content blocks.
    """

    text: str
    model: str
    stop_reason: str | None
    content: list[types.SamplingMessageContentBlock]


class NotAnswered(ToolError):
    """No answer can be had: the mode, the client, the time limit, or an answer that does not fit.

    A tool that can do without catches it; else its text is the call's error.

    Attributes:
        missing: the capability that the client would need, if that is the reason.
    """

    def __init__(self, message: str, missing: types.ClientCapabilities | None = None) -> None:
        super().__init__(message, log_level=logging.WARNING)
        self.missing = missing


class InputRequired(BaseException):
    """Ends a 2026-07-28 call with a question; `result` goes to the client.

    Not an Exception, as CancelledError is not: a tool's ``except Exception`` must not take a
    question for a failure.
    """

    def __init__(self, result: types.InputRequiredResult) -> None:
        super().__init__("a question left the tool outside of AskMiddleware")
        self.result = result
