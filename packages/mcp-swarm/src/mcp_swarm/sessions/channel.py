"""What a tool can say to its client: beside the call it serves, or on the session's GET stream.

Both are what the SDK calls an ``Outbound``; a call's is its ``DispatchContext`` too.
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

# Characters of a request that are kept for the replica that may have to run it again.
MAX_KEPT_MESSAGE = 64 * 1024


def wire(message: JSONRPCMessage) -> str:
    """A message as it is sent."""
    return message.model_dump_json(by_alias=True, exclude_unset=True)


def kept(message: JSONRPCRequest, may_repeat: bool) -> tuple[str, bool]:
    """What another replica needs to answer a request in place of this one, and whether it may run it.

    For one that it may not run again, or whose arguments are large, it needs the id alone.
    """
    if may_repeat and len(text := wire(message)) <= MAX_KEPT_MESSAGE:
        return text, True
    return wire(JSONRPCRequest(jsonrpc="2.0", id=message.id, method=message.method)), False


def notification(method: str, params: Mapping[str, Any] | None) -> JSONRPCNotification:
    """Without ``params`` if there are none: JSON-RPC forbids null."""
    if params is None:
        return JSONRPCNotification(jsonrpc="2.0", method=method)
    return JSONRPCNotification(jsonrpc="2.0", method=method, params=dict(params))


class SessionChannel:
    """Messages that belong to no call: kept for the GET stream, whichever replica serves it."""

    def __init__(self, session: str, store: SessionStore, client_requests: ClientRequests) -> None:
        self._session = session
        self._store = store
        self._client_requests = client_requests

    async def notify(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> None:
        """Never fails a tool: a notification is advice."""
        try:
            await self._store.append(self._session, wire(notification(method, params)))
        except (RedisError, OSError) as error:
            logger.warning("%s is lost, the shared store does not answer: %s", method, error)

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        """Asks the client.

        Raises:
            MCPError: its error, or that the store which keeps the question does not answer.
        """
        return await self._client_requests.ask(self._session, method, params, opts, self._send)

    async def _send(self, message: JSONRPCMessage) -> None:
        try:
            await self._store.append(self._session, wire(message))
        except (RedisError, OSError) as error:
            raise unavailable("Asking the client") from error


class CallChannel:
    """Messages beside one call, in the stream of its answer.

    Args:
        session: id of the session.
        request_id: of the call; None for a notification, which has no answer.
        params: of the call, which may ask for progress.
        metadata: of the HTTP request, for the SDK.
        send: puts a message on the call's stream; None if its answer is JSON alone.
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
        """Whether the client can be asked beside this call, now."""
        return self._send is not None

    def close(self) -> None:
        """The call is answered: nothing may follow its answer."""
        self._send = None

    async def notify(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> None:
        """Dropped if a JSON answer has no room for it, or the call is over."""
        if self._send:
            await self._send(notification(method, params))

    async def progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Nothing if the client did not ask for progress."""
        if self._token is None:
            return
        given = {"progress": progress, "total": total, "message": message}
        params = {"progressToken": self._token, **{k: v for k, v in given.items() if v is not None}}
        await self.notify("notifications/progress", params)

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        """Asks the client in the stream of this call.

        Raises:
            NoBackChannelError: the answer is JSON alone (MCP_JSON_RESPONSE), or has been given.
            MCPError: the client's error.
        """
        if self._send is None:
            raise NoBackChannelError(method)
        return await self._client_requests.ask(self._session, method, params, opts, self._send)
