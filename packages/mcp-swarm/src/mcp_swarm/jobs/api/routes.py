"""Jobs over plain HTTP: ``/jobs``.

    POST   /jobs                {"tool": …, "arguments": {…}}, Idempotency-Key   202, Location
    GET    /jobs/{id}/status    state, progress, estimate; Retry-After while it is not done
    GET    /jobs/{id}/result    the tool's result; or a file in it, if Accept names its type
    POST   /jobs/{id}/answers   {"KEY": {"action": "accept", "content": {…}}}
    DELETE /jobs/{id}           cancels it

Another caller's job is 404, like one that does not exist.
"""

import base64
import math
import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastmcp import FastMCP
from mcp.shared.exceptions import MCPError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mcp_swarm.framework import BODY
from mcp_swarm.framework.catalogue import ComponentNames
from mcp_swarm.framework.wire import encode
from mcp_swarm.jobs.errors import JobError
from mcp_swarm.jobs.job import FINAL
from mcp_swarm.jobs.jobs import Jobs
from mcp_swarm.problem import problem
from mcp_swarm.telemetry import call_record

Handler = Callable[[Request], Awaitable[Response]]

_STATUS = {
    "unknown": 404,
    "invalid": 422,
    "full": 503,
    "conflict": 409,
    "unfinished": 409,
    "unreadable": 503,
}
_TITLES = {
    "unknown": "Not Found",
    "invalid": "Unprocessable Content",
    "full": "Service Unavailable",
    "conflict": "Conflict",
    "unfinished": "Conflict",
    "unreadable": "Service Unavailable",
}
_NOT_STORED = {"Cache-Control": "no-store"}


class JobRoutes:
    """Serves `jobs` over HTTP."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def add_to(self, mcp: FastMCP) -> None:
        """Adds the routes beside /mcp."""
        for path, method, handler in (
            ("/jobs", "POST", self._submit),
            ("/jobs/{job_id}/status", "GET", self._status),
            ("/jobs/{job_id}/result", "GET", self._result),
            ("/jobs/{job_id}/answers", "POST", self._answer),
            ("/jobs/{job_id}", "DELETE", self._cancel),
        ):
            mcp.custom_route(path, methods=[method])(self._checked(handler))

    def _checked(self, handler: Handler) -> Handler:
        """Turns errors into problem details."""

        async def checked(request: Request) -> Response:
            try:
                return await handler(request)
            except JobError as error:
                refused = problem(_STATUS[error.kind], _TITLES[error.kind], str(error))
                _retry_after(refused, error.retry_after)
                return refused
            except MCPError as error:  # the store does not answer
                refused = problem(503, "Service Unavailable", error.error.message)
                _retry_after(refused, 1.0)
                return refused

        return checked

    async def _submit(self, request: Request) -> Response:
        body = await self._json(request)
        tool, arguments = body.get("tool"), body.get("arguments", {})
        if not isinstance(tool, str) or not isinstance(arguments, dict):
            raise JobError("invalid", 'Expected {"tool": "…", "arguments": {…}}.')
        record = call_record.of(request.scope)
        record.name, record.component = tool, ComponentNames.UNKNOWN
        key = request.headers.get("idempotency-key")
        job = await self._jobs.submit(tool, arguments, key)
        record.component = job.tool
        response = _Json(_with_links(job.status()), status_code=202)
        response.headers["Location"] = f"/jobs/{job.id}/status"
        _retry_after(response, 1.0)
        return response

    async def _status(self, request: Request) -> Response:
        status = await self._jobs.status(_id(request))
        response = _Json(_with_links(status), headers=_NOT_STORED)
        if status["state"] not in FINAL:
            # A tenth of the remaining time: few polls of long jobs, and little delay at the end.
            _retry_after(response, max(1.0, min(30.0, status.get("remaining_seconds", 0) / 10)))
        return response

    async def _result(self, request: Request) -> Response:
        result = await self._jobs.result(_id(request))
        wanted = request.headers.get("accept", "")
        for part in result.get("content", []):
            file = part.get("resource", {})
            kind = file.get("mimeType")
            if kind and _names(wanted, kind):
                text, blob = file.get("text"), file.get("blob", "")
                name = _safe(str(file.get("uri", "result")).rsplit("/", 1)[-1])
                return Response(
                    base64.b64decode(blob) if text is None else text.encode(errors="replace"),
                    media_type=kind,
                    headers={
                        **_NOT_STORED,
                        "Content-Disposition": f'attachment; filename="{name}"',
                    },
                )
        return _Json(result, headers=_NOT_STORED)

    async def _answer(self, request: Request) -> Response:
        job = await self._jobs.answer(_id(request), await self._json(request))
        return _Json(_with_links(job.status()), status_code=202)

    async def _cancel(self, request: Request) -> Response:
        return _Json(_with_links((await self._jobs.cancel(_id(request))).status()))

    async def _json(self, request: Request) -> dict[str, Any]:
        try:
            body = from_json(request.scope[BODY], allow_inf_nan=False)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise JobError("invalid", "The body must be a JSON object.")
        return body


class _Json(JSONResponse):
    """A response that is valid JSON, whatever the tool returned."""

    def render(self, content: Any) -> bytes:
        return encode(content)


def _names(accept: str, kind: str) -> bool:
    """Returns whether an Accept header names exactly this type; a wildcard gets the JSON result."""
    wanted = kind.partition(";")[0].strip().lower()
    for part in accept.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name == wanted and not any(re.fullmatch(r"q=0(\.0*)?", p) for p in parameters):
            return True
    return False


def _id(request: Request) -> str:
    return str(request.path_params["job_id"])


def _with_links(status: dict[str, Any]) -> dict[str, Any]:
    base = f"/jobs/{status['job_id']}"
    links = {"status_url": f"{base}/status"}
    if status["state"] in FINAL:
        links["result_url"] = f"{base}/result"
    return {**status, **links}


def _retry_after(response: Response, seconds: float | None) -> None:
    """Sets Retry-After: whole seconds, at least one (RFC 9110 §10.2.3)."""
    if seconds is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(seconds)))


def _safe(name: str) -> str:
    """Returns a file name that is safe in a header."""
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in name if c.isascii()) or "result"
