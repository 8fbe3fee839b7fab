"""Asks in input rounds (2026-07-28, basic/patterns/mrtr): the call ends with a question.

The client calls again with the answer, perhaps on another replica, and the tool runs again from its
top. Earlier answers travel in ``requestState``, which is sealed (encrypted and authenticated) and can
be used once. Answers to questions that are not in the state do not count.
"""

import json
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from fastmcp import Context
from mcp_types import InputRequiredResult

from mcp_swarm.ask.answers import InputRequired, NotAnswered
from mcp_swarm.ask.question import Question

# The official client gives up after 10 rounds; a call beyond this one would never end.
MAX_ROUNDS = 20

_STATE = "ask"


@dataclass
class Answers:
    """The answers of one call so far, by the question's key, and the number of its round."""

    number: int = 0
    known: dict[str, tuple[str, Any]] = field(default_factory=dict)
    _used: dict[str, str] = field(default_factory=dict)
    _read: bool = False

    def claim(self, question: Question) -> None:
        """Reserves the key for this question.

        Raises:
            ValueError: the tool asks another question with the same key.
        """
        if self._used.setdefault(question.key, question.digest) != question.digest:
            raise ValueError(
                f"two questions of one call have the key {question.key!r}: give each its own"
            )

    def find(self, question: Question) -> Any:
        """Returns the answer to exactly this question, or None."""
        digest, answer = self.known.get(question.key, ("", None))
        return answer if digest == question.digest else None

    def read(self, ctx: Context) -> None:
        """Reads the state of this round, and the answers to its questions."""
        if self._read:
            return
        self._read = True
        state = _ours(ctx.request_state)
        if state is None:
            return
        self.number = state["round"]
        self.known = {key: (digest, answer) for key, (digest, answer) in state["known"].items()}
        responses = ctx.input_responses or {}
        for key, digest in state["asked"].items():
            if key in responses:
                answer = responses[key].model_dump(mode="json", by_alias=True, exclude_none=True)
                self.known[key] = (digest, answer)


current: ContextVar[Answers | None] = ContextVar("answers", default=None)


def answered(ctx: Context, question: Question, answers: Answers) -> Any:
    """Returns the answer, if a round has brought it.

    Raises:
        InputRequired: there is no answer yet; the call ends with the question.
        NotAnswered: the client cannot be asked this, or the question changes in every round.
    """
    answers.read(ctx)
    if (found := answers.find(question)) is not None:
        return question.read(found)
    question.need(ctx.session.client_capabilities)
    if answers.number >= MAX_ROUNDS:
        raise NotAnswered(
            f"After {MAX_ROUNDS} rounds the question {question.key!r} is still open. A question "
            "must be the same in every round: made of the call's arguments and earlier answers, "
            "not of the time or of chance."
        )
    state = {
        "round": answers.number + 1,
        "known": answers.known,
        "asked": {question.key: question.digest},
    }
    raise InputRequired(
        InputRequiredResult(
            input_requests={question.key: question.request},
            request_state=json.dumps({_STATE: state}),
        )
    )


def _ours(state: str | None) -> dict[str, Any] | None:
    """Returns the state that ``answered`` made; None for a state that the tool made itself."""
    try:
        found = json.loads(state or "null")
    except ValueError:
        return None
    ours = found.get(_STATE) if isinstance(found, dict) else None
    return ours if isinstance(ours, dict) else None
