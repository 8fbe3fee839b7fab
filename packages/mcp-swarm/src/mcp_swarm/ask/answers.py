"""The outcomes of a question: accepted, declined, or not answered."""

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
    """The user said no (`decline`) or dismissed the question (`cancel`). False in a condition."""

    action: Literal["decline", "cancel"]

    def __bool__(self) -> Literal[False]:
        return False


@dataclass(frozen=True, slots=True)
class Reply:
    """The output of the client's model.

    Attributes:
        text: its text; empty if it is only an image or audio.
        model: the model's name, as the client reports it.
        stop_reason: why it ended, such as ``endTurn`` or ``maxTokens``.
        content: the protocol's own content blocks.
    """

    text: str
    model: str
    stop_reason: str | None
    content: list[types.SamplingMessageContentBlock]


class NotAnswered(ToolError):
    """There is no answer, because of the mode, the client, the timeout, or an invalid answer.

    A tool that can work without the answer catches it. Else its text is the call's error.

    Attributes:
        missing: the capability that the client lacks, if that is the reason.
    """

    def __init__(self, message: str, missing: types.ClientCapabilities | None = None) -> None:
        super().__init__(message, log_level=logging.WARNING)
        self.missing = missing


class InputRequired(BaseException):
    """Ends a call of protocol 2026-07-28 with a question; `result` goes to the client.

    It is a BaseException, like CancelledError, so that a tool's ``except Exception`` does not catch
    it.
    """

    def __init__(self, result: types.InputRequiredResult) -> None:
        super().__init__("a question left the tool outside of AskMiddleware")
        self.result = result
