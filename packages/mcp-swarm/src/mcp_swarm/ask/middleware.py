"""The middleware that `ask` needs around tools, resources and prompts.

While a session's client is asked, the call's timeout is paused, and the question has its own,
``MCP_ASK_TIMEOUT``. That holds for ``ctx.elicit()`` and ``ctx.session`` too.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import mcp_types as types
from fastmcp import Context
from fastmcp.exceptions import ToolError
from fastmcp.server.middleware import CallNext, MiddlewareContext
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic_core import to_json

from mcp_swarm import framework
from mcp_swarm.ask import by_rounds, by_session
from mcp_swarm.ask.answers import InputRequired, NotAnswered
from mcp_swarm.ask.open_questions import OpenQuestions
from mcp_swarm.framework.components import ComponentMiddleware, Kind


class AskMiddleware(ComponentMiddleware):
    """Asks a question in the form of the call's protocol version.

    Args:
        seconds: timeout of an answer in a session.
        waiting: a context that pauses the call's timeout.
    """

    def __init__(self, seconds: float, waiting: Callable[[], AbstractContextManager[None]]) -> None:
        self.seconds = seconds
        self.waiting = waiting
        self.questions = OpenQuestions()

    def gauges(self) -> dict[str, float]:
        """Returns the questions that wait for an answer."""
        return {"questions_open": self.questions.total}

    async def on_component(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any], kind: Kind
    ) -> Any:
        if by_rounds.current.get() is not None:  # a tool calls a tool: the outer call asks for both
            return await call_next(context)
        ctx = context.fastmcp_context
        modern = is_modern(ctx)
        if ctx and ctx.request_context:  # a job has none, and asks in its own way
            wrap = by_session.unreachable if modern else self._with_timeout(ctx, context.message)
            framework.wrap_client_requests(ctx, wrap)
        token = by_rounds.current.set(by_rounds.Answers())
        try:
            return await call_next(context)
        except InputRequired as asked:
            return kind.input_required(asked.result)
        except BaseExceptionGroup as group:  # asked in a task group of the tool
            if (first := _first(group)) is None:
                raise
            return kind.input_required(first.result)
        except NotAnswered as error:
            if not (modern and error.missing):
                raise
            # 2026-07-28, basic: the error of a call that needs a capability the client lacks.
            capabilities = error.missing.model_dump(mode="json", by_alias=True, exclude_none=True)
            raise MCPError(
                types.MISSING_REQUIRED_CLIENT_CAPABILITY,
                str(error),
                {"requiredCapabilities": capabilities},
            ) from None
        except ToolError as error:
            if str(error) == framework.NO_ELICITATION:
                raise NotAnswered(by_session.NO_REQUESTS) from error
            raise
        finally:
            by_rounds.current.reset(token)

    def _with_timeout(
        self, ctx: Context, params: Any
    ) -> Callable[[by_session.Send], by_session.Send]:
        def opened() -> AbstractContextManager[None]:
            size = len(to_json(getattr(params, "arguments", None), serialize_unknown=True))
            return self.questions.one(ctx.session_id, size)

        return lambda send: by_session.with_timeout(send, ctx, self.seconds, self.waiting, opened)


def is_modern(ctx: Context | None) -> bool:
    """Returns whether the call is of protocol 2026-07-28, where a server sends no requests."""
    if ctx is None or ctx.request_context is None:
        return True
    return ctx.request_context.protocol_version in MODERN_PROTOCOL_VERSIONS


def _first(group: BaseExceptionGroup[Any]) -> InputRequired | None:
    found: BaseException | None = group.subgroup(InputRequired)
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found if isinstance(found, InputRequired) else None
