"""The ``Context`` of a tool that runs in a job, and the job it runs in."""

import logging
import math
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Self

import mcp_types as types
from fastmcp import Context, FastMCP

from mcp_swarm.jobs.job import Job

logger = logging.getLogger(__name__)

_LEVELS = {"debug": 10, "info": 20, "notice": 20, "warning": 30}  # else error

# Characters of a progress message: it is written to the store up to twice a second.
MAX_MESSAGE = 2_000

Answer = types.ElicitResult | types.CreateMessageResult | types.ListRootsResult

_RESULTS: dict[str, type[Answer]] = {
    "elicitation/create": types.ElicitResult,
    "sampling/createMessage": types.CreateMessageResult,
    "roots/list": types.ListRootsResult,
}


@dataclass(frozen=True)
class CurrentJob:
    """The job that a tool runs in.

    Attributes:
        id: the same in every start of the job; use it as an idempotency key.
        start: 1 in the first start; higher after a lost worker or a failed try.
    """

    id: str
    start: int


_current: ContextVar[CurrentJob | None] = ContextVar("current_job", default=None)


def current_job() -> CurrentJob | None:
    """Returns the job that this code runs in; None in a direct call."""
    return _current.get()


class Polled:
    """Stands in for a session. The client polls, so nothing can be sent to it."""

    def __init__(self, declared: dict[str, Any] | None) -> None:
        # Over HTTP and through the job tools no capabilities are declared: allow every question.
        anything: dict[str, Any] = {
            "elicitation": {"form": {}, "url": {}},
            "sampling": {},
            "roots": {},
        }
        can = anything if declared is None else declared
        self.client_capabilities = types.ClientCapabilities.model_validate(can)

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(
            f"session.{name} is not available in a job: no client is connected. Next: use "
            "ctx.report_progress, mcp_swarm.ask, or mcp_swarm.publish."
        )


class Reported:
    """The last progress that the tool reported. The runner writes it to the store."""

    def __init__(self) -> None:
        self.progress: float | None = None
        self.total: float | None = None
        self.message: str | None = None
        self.is_new = False


class JobContext(Context):
    """FastMCP's context without a request: progress goes to the store, messages to the log.

    Args:
        mcp: the server whose tool runs.
        job: the job that runs the tool.
        reported: receives the tool's progress.
    """

    def __init__(self, mcp: FastMCP, job: Job, reported: Reported) -> None:
        super().__init__(mcp, task_id=job.id)
        self._reported = reported
        self._polled: Any = Polled(job.call.get("capabilities"))
        answers = job.answers or {}
        self._task_request_state = answers.get("state")
        given = answers.get("given")
        self._task_input_responses = (
            {key: parsed_answer(one["method"], one["result"]) for key, one in given.items()}
            if given
            else None
        )

    @property
    def session(self) -> Any:
        """A stand-in that only knows the client's capabilities."""
        return self._polled

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Records the job's progress. It costs next to nothing, however often it is called."""
        reported = self._reported
        # JSON has no NaN and no infinity.
        reported.progress = progress if math.isfinite(progress) else None
        reported.total = total if total is not None and math.isfinite(total) else None
        reported.is_new = True
        if message is not None:
            reported.message = message[:MAX_MESSAGE]

    async def log(
        self,
        message: str,
        level: types.LoggingLevel | None = None,
        logger_name: str | None = None,
        extra: Any = None,
    ) -> None:
        """Writes to the worker's log: no client is connected (T13: FastMCP raises here)."""
        logger.log(_LEVELS.get(level or "info", 40), "job %s: %s", self.task_id, message)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Does nothing: FastMCP exits a task's context with the first parameter that used it."""

    async def leave(self) -> None:
        """Exits the context."""
        await super().__aexit__(None, None, None)


def parsed_answer(method: str, result: Any) -> Answer:
    """Returns the client's answer to a request of `method`, as its type.

    Raises:
        pydantic.ValidationError: the answer does not fit such a request.
    """
    return _RESULTS.get(method, types.ElicitResult).model_validate(result)


def enter_job(job: Job) -> None:
    """Makes `job` the current job of this context."""
    _current.set(CurrentJob(job.id, job.starts))
