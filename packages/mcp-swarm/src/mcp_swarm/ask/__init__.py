"""Asks the client in the middle of a call: its user, its model, its roots. Works in every mode.

    from mcp_swarm import ask

    size = await ask.form(ctx, "size", "Which size?", Size)
    if not size:
        return f"Not ordered: {size.action}"      # "decline" or "cancel"
    order(size.data)

The same code serves clients of protocol 2026-07-28 and of 2025-11-25 or older. With 2026-07-28 the
function **runs again from its top** for each answer. So do nothing with an effect before the last
question, and give each question its own key and the same text in every round. If no answer is
possible, ``ask.NotAnswered`` says at once which setting or capability is missing. The timeout is
``MCP_ASK_TIMEOUT``. See docs/asking.md.
"""

from collections.abc import Sequence
from typing import Any, TypeVar, overload
from uuid import uuid4

import mcp_types as types
from fastmcp import Context
from fastmcp.server.elicitation import handle_elicit_accept, parse_elicit_response_type
from pydantic import ValidationError

from mcp_swarm.ask import by_rounds, by_session
from mcp_swarm.ask.answers import Accepted, Declined, NotAnswered, Reply
from mcp_swarm.ask.middleware import is_modern
from mcp_swarm.ask.question import FORM, ROOTS, SAMPLING, URL, Question, problems

__all__ = [
    "Accepted",
    "Declined",
    "NotAnswered",
    "Reply",
    "confirm",
    "form",
    "roots",
    "sample",
    "url",
]

T = TypeVar("T")


@overload
async def form(ctx: Context, key: str, message: str, answer: type[T]) -> Accepted[T] | Declined: ...
@overload
async def form(
    ctx: Context, key: str, message: str, answer: list[str] | dict[str, dict[str, str]]
) -> Accepted[str] | Declined: ...
async def form(ctx: Context, key: str, message: str, answer: Any) -> Accepted[Any] | Declined:
    """Asks the user to fill in a form.

    Args:
        ctx: of the call.
        key: the question's name, unique in this tool.
        message: what the user reads.
        answer: a flat pydantic model or dataclass; or ``str``, ``int``, ``float``, ``bool``, an
            Enum; or a list of strings to choose one from, or ``{"s": {"title": "Small"}}``.

    Raises:
        NotAnswered: there is no answer, or it does not fit `answer`.
    """
    expected = parse_elicit_response_type(answer)
    params = types.ElicitRequestFormParams(message=message, requested_schema=expected.schema)
    request = types.ElicitRequest(params=params)
    result = await _ask(ctx, Question(key, request, types.ElicitResult, FORM))
    if result.action != "accept":
        return Declined(result.action)
    try:
        return Accepted(handle_elicit_accept(expected, result.content).data)
    except ValueError as error:  # pydantic's is one too
        wrong = problems(error) if isinstance(error, ValidationError) else str(error)
        raise NotAnswered(
            f"The answer to {key!r} does not fit: {wrong.rstrip('.')}. Next: call again and "
            "answer with what the form asks for."
        ) from error


async def confirm(ctx: Context, key: str, message: str) -> bool:
    """Asks yes or no. Everything but a clear yes is False.

    Raises:
        NotAnswered: there is no answer.
    """
    answer = await form(ctx, key, message, bool)
    return bool(answer and answer.data)


async def url(ctx: Context, key: str, message: str, address: str) -> Accepted[None] | Declined:
    """Asks the user to open `address`, for what must not pass through the client: a password.

    Accepted means that the user agreed to open it, not that anything was done there.

    Raises:
        NotAnswered: the client cannot be asked.
    """
    # 2025-11-25 requires an id; with 2026-07-28 the question must be the same in every round.
    number = None if is_modern(ctx) else uuid4().hex
    params = types.ElicitRequestURLParams(message=message, url=address, elicitation_id=number)
    request = types.ElicitRequest(params=params)
    result = await _ask(ctx, Question(key, request, types.ElicitResult, URL))
    return Accepted(None) if result.action == "accept" else Declined(result.action)


async def sample(
    ctx: Context,
    key: str,
    prompt: str | Sequence[types.SamplingMessage],
    *,
    system: str | None = None,
    max_tokens: int = 1024,
    temperature: float | None = None,
    preferences: types.ModelPreferences | None = None,
) -> Accepted[Reply] | Declined:
    """Samples text from the client's model.

    Args:
        ctx: of the call.
        key: the question's name, unique in this tool.
        prompt: the user's message, or several messages.
        system: the system prompt; the client may change it.
        max_tokens: maximum tokens that the model may write.
        temperature: of the sampling.
        preferences: which model to prefer.

    Raises:
        NotAnswered: the client offers no model, or cannot be asked.
    """
    if isinstance(prompt, str):
        content = types.TextContent(type="text", text=prompt)
        prompt = [types.SamplingMessage(role="user", content=content)]
    params = types.CreateMessageRequestParams(
        messages=list(prompt),
        system_prompt=system,
        max_tokens=max_tokens,
        temperature=temperature,
        model_preferences=preferences,
    )
    request = types.CreateMessageRequest(params=params)
    result = await _ask(ctx, Question(key, request, types.CreateMessageResultWithTools, SAMPLING))
    if isinstance(result, Declined):
        return result
    blocks = result.content_as_list
    text = "\n".join(block.text for block in blocks if isinstance(block, types.TextContent))
    return Accepted(Reply(text, result.model, result.stop_reason, blocks))


async def roots(ctx: Context, key: str) -> list[types.Root]:
    """Returns the folders that the client works in.

    Raises:
        NotAnswered: the client has no roots, or cannot be asked.
    """
    result = await _ask(ctx, Question(key, types.ListRootsRequest(), types.ListRootsResult, ROOTS))
    if isinstance(result, Declined):
        raise NotAnswered("The user did not allow the client to share its folders.")
    found: list[types.Root] = result.roots
    return found


async def _ask(ctx: Context, question: Question) -> Any:
    answers = by_rounds.current.get()
    if answers is None:
        raise RuntimeError(
            "mcp_swarm.ask works only in a call that passed AskMiddleware (mcp_swarm/build.py)."
        )
    answers.claim(question)
    if is_modern(ctx):
        return by_rounds.answered(ctx, question, answers)
    if (found := answers.find(question)) is None:
        found = await by_session.answered(ctx, question)
        answers.known[question.key] = (question.digest, found)
    return found
