"""The channels from a tool to its client: the stream of its call, or the session's GET stream.

Both are an ``Outbound`` of the SDK; that of a call is also its ``DispatchContext``.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
from mcp.shared.dispatcher import CallOptions
from mcp.shared.exceptions import NoBackChannelError
from mcp.shared.jsonrpc_dispatcher import progress_token_from_params
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from mcp_types import JSONRPCMessage, JSONRPCNotification, JSONRPCRequest, RequestId
from redis.exceptions import RedisError

from mcp_swarm.redis import unavailable
from mcp_swarm.redis.sessions import SessionStore
from mcp_swarm.sessions.client_requests import ClientRequests

logger = logging.getLogger(__name__)

# Maximum characters of a request that is stored so that another replica can run it again.
MAX_KEPT_MESSAGE = 64 * 1024


def wire(message: JSONRPCMessage) -> str:
    """Returns the message as JSON."""
    return message.model_dump_json(by_alias=True, exclude_unset=True)


def kept(message: JSONRPCRequest, may_repeat: bool) -> tuple[str, bool]:
    """Returns what another replica needs to take over a request, and whether it may run it again.

    For a request that must not run again, or is large, that is only the id and the method.
    """
    if may_repeat and len(text := wire(message)) <= MAX_KEPT_MESSAGE:
        return text, True
    return wire(JSONRPCRequest(jsonrpc="2.0", id=message.id, method=message.method)), False


def notification(method: str, params: Mapping[str, Any] | None) -> JSONRPCNotification:
    """Returns the notification, without ``params`` if there are none: JSON-RPC forbids null."""
    if params is None:
        return JSONRPCNotification(jsonrpc="2.0", method=method)
    return JSONRPCNotification(jsonrpc="2.0", method=method, params=dict(params))


class SessionChannel:
    """Sends messages that belong to no call: stores them for the GET stream, on any replica."""

    def __init__(self, session: str, store: SessionStore, client_requests: ClientRequests) -> None:
        self._session = session
        self._store = store
        self._client_requests = client_requests

    async def notify(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> None:
        """Sends a notification. An error is only logged: it must not fail the tool."""
        try:
            await self._store.append(self._session, wire(notification(method, params)))
        except (RedisError, OSError) as error:
            logger.warning("%s is lost: the shared store does not answer: %s", method, error)

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        """Sends a request to the client and returns its result.

        Raises:
            MCPError: the client's error, or the store does not answer.
        """
        return await self._client_requests.ask(self._session, method, params, opts, self._send)

    async def _send(self, message: JSONRPCMessage) -> None:
        try:
            await self._store.append(self._session, wire(message))
        except (RedisError, OSError) as error:
            raise unavailable("Asking the client") from error


class CallChannel:
    """Sends messages of one call, in the stream of its response.

    Args:
        session: id of the session.
        request_id: of the call; None for a notification, which has no response.
        params: of the call, with its progress token, if any.
        metadata: of the HTTP request, for the SDK.
        send: adds a message to the call's stream; None if the response is plain JSON.
        client_requests: of this replica.
    """

    def __init__(  # noqa: PLR0917 - one for each part
        self,
        session: str,
        request_id: RequestId | None,
        params: Mapping[str, Any] | None,
        metadata: ServerMessageMetadata,
        send: Callable[[JSONRPCMessage], Awaitable[None]] | None,
        client_requests: ClientRequests,
    ) -> None:
        self.request_id = request_id
        self.message_metadata = metadata
        self.cancel_requested = anyio.Event()
        self.transport = TransportContext(kind="streamable-http", can_send_request=send is not None)
        self._session = session
        self._token = progress_token_from_params(params)
        self._send = send
        self._client_requests = client_requests

    @property
    def can_send_request(self) -> bool:
        """Whether this call can send requests to the client now."""
        return self._send is not None

    def close(self) -> None:
        """Closes the channel: the call has its result, and nothing may follow it."""
        self._send = None

    async def notify(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> None:
        """Sends a notification, or drops it if the response is plain JSON or the call has ended."""
        if self._send:
            await self._send(notification(method, params))

    async def progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Sends progress, if the client requested it."""
        if self._token is None:
            return
        given = {"progress": progress, "total": total, "message": message}
        params = {"progressToken": self._token, **{k: v for k, v in given.items() if v is not None}}
        await self.notify("notifications/progress", params)

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        """Sends a request to the client in the stream of this call and returns its result.

        Raises:
            NoBackChannelError: the response is plain JSON (MCP_JSON_RESPONSE), or the call has ended.
            MCPError: the client's error.
        """
        if self._send is None:
            raise NoBackChannelError(method)
        return await self._client_requests.ask(self._session, method, params, opts, self._send)
