"""Requests from the server to a client, whose responses may reach any replica.

The id of a request names the replica that waits for the response. Another replica that receives it
forwards it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from mcp.shared.dispatcher import CallOptions, ProgressFnT
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    REQUEST_TIMEOUT,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
)

Send = Callable[[JSONRPCMessage], Awaitable[None]]


@dataclass
class _PendingRequest:
    session: str
    answer: "asyncio.Future[dict[str, Any]]"
    on_progress: ProgressFnT | None


class ClientRequests:
    """The pending requests of this replica.

    Args:
        replica: its id, without a dash.
    """

    def __init__(self, replica: str) -> None:
        self._replica = replica
        self._numbers = count(1)
        self._open: dict[str, _PendingRequest] = {}

    def __len__(self) -> int:
        return len(self._open)

    @staticmethod
    def asked_by(request_id: object) -> str:
        """Returns the replica that sent the request; for a foreign id, a name that no replica has."""
        return request_id.rpartition("-")[0] if isinstance(request_id, str) else ""

    async def ask(
        self,
        session: str,
        method: str,
        params: Mapping[str, Any] | None,
        options: CallOptions | None,
        send: Send,
    ) -> dict[str, Any]:
        """Sends a request to the client and waits for its result.

        Raises:
            MCPError: the client answered with an error, or not in ``options["timeout"]`` seconds.
        """
        options = options or {}
        request_id = f"{self._replica}-{next(self._numbers)}"
        given = dict(params or {})
        if "on_progress" in options:
            given["_meta"] = {**(given.get("_meta") or {}), "progressToken": request_id}
        asked = _PendingRequest(
            session, asyncio.get_running_loop().create_future(), options.get("on_progress")
        )
        self._open[request_id] = asked
        try:
            await send(_request(request_id, method, given))
            async with asyncio.timeout(options.get("timeout")):
                return await asked.answer
        except TimeoutError:
            await _give_up(send, request_id, options, "timed out")
            raise MCPError(REQUEST_TIMEOUT, f"Request {method!r} timed out") from None
        except asyncio.CancelledError:
            giving_up = asyncio.ensure_future(_give_up(send, request_id, options, "cancelled"))
            with suppress(asyncio.CancelledError):
                await asyncio.wait({giving_up}, timeout=1)
            raise
        finally:
            self._open.pop(request_id, None)

    def answer(self, session: str, message: Mapping[str, Any]) -> None:
        """Takes a response. Only the first one counts, and only from the session that was asked."""
        asked = self._open.get(str(message.get("id")))
        if asked is None or asked.session != session or asked.answer.done():
            return
        if "error" in message:
            error = message["error"]
            asked.answer.set_exception(
                MCPError(error.get("code", 0), str(error.get("message", "")), error.get("data"))
            )
        else:
            asked.answer.set_result(message.get("result") or {})

    async def progress(self, session: str, params: Mapping[str, Any]) -> None:
        """Passes the client's progress to the sender of the request."""
        asked = self._open.get(str(params.get("progressToken")))
        if asked is None or asked.session != session or asked.on_progress is None:
            return
        done, total = params.get("progress"), params.get("total")
        if isinstance(done, int | float):
            message = params.get("message")
            await asked.on_progress(float(done), total, message)

    def drop(self, session: str) -> None:
        """Fails the session's pending requests, because the session has ended."""
        for asked in list(self._open.values()):
            if asked.session == session and not asked.answer.done():
                asked.answer.set_exception(MCPError(CONNECTION_CLOSED, "The session was closed"))


def _request(request_id: str, method: str, params: dict[str, Any]) -> JSONRPCRequest:
    if params:
        return JSONRPCRequest(jsonrpc="2.0", id=request_id, method=method, params=params)
    return JSONRPCRequest(jsonrpc="2.0", id=request_id, method=method)


async def _give_up(send: Send, request_id: str, options: CallOptions, reason: str) -> None:
    """Notifies the client that the request is cancelled."""
    if options.get("cancel_on_abandon", True):
        params = {"requestId": request_id, "reason": reason}
        with suppress(MCPError):
            await send(
                JSONRPCNotification(jsonrpc="2.0", method="notifications/cancelled", params=params)
            )
