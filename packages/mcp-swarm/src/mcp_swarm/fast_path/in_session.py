"""The fast path in a session of 2025-11-25 (``MCP_STATELESS_HTTP=false``, ``redis://``).

The sessions check that the caller owns the session, and run the request as one of their calls, which
can be cancelled, streamed and resumed. This module only makes the result. Requests about the session
itself, and of sessions with visibility rules, go to the framework.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from fastmcp import Context, FastMCP
from starlette.requests import Request
from starlette.types import Scope, Send

from mcp_swarm.fast_path.message import LISTS, FastRequest, answer
from mcp_swarm.fast_path.spans import in_span
from mcp_swarm.framework import request as framework_request
from mcp_swarm.framework.catalogue import ComponentNames
from mcp_swarm.telemetry import call_record

# The requested component, if any, and the function that makes the result.
Found = tuple[Any, Callable[[framework_request.RequestContext, Context], Awaitable[Any]]]


class Sessions(Protocol):
    """The sessions that all replicas share."""

    async def answer(
        self,
        asked: framework_request.RequestLike,
        request: Request,
        send: Send,
        plain: Callable[[framework_request.SessionClient], Awaitable[str]],
    ) -> bool:
        """Serves a request, with the result of `plain`; False if the framework must do it."""


class InSession:
    """Answers requests of sessions.

    Args:
        mcp: the server.
        sessions: of all replicas.
        find: returns the requested component, if it is in a table.
        names: bounded names of all components.
    """

    def __init__(
        self,
        mcp: FastMCP,
        sessions: Sessions,
        find: Callable[[FastRequest], Found | None],
        names: ComponentNames,
    ) -> None:
        self._mcp = mcp
        self._sessions = sessions
        self._find = find
        self._names = names

    async def answer(self, asked: FastRequest, scope: Scope, send: Send) -> bool:
        """Answers the request; False if the framework must do it."""
        found = self._find(asked)
        if found is None:
            return False
        component, result = found
        if asked.method not in LISTS and (component is None or component.auth is not None):
            return False
        request, record = Request(scope), call_record.of(scope)

        async def plain(client: framework_request.SessionClient) -> str:
            context = framework_request.SessionRequestContext(self._mcp, request, asked, client)
            record.asks_for(asked.method, asked.params, self._names)
            with framework_request.serving(context):
                try:
                    async with Context(fastmcp=self._mcp) as made:
                        payload = await in_span(result, context, made)
                    encoded = framework_request.encoded(payload)
                    record.returned(payload)
                    return answer(asked, encoded).decode()
                except BaseException as error:
                    record.raised(error, asked.version)
                    raise
                finally:
                    await context.close()

        return await self._sessions.answer(asked, request, send, plain)
