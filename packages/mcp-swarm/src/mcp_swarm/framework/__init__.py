"""The private parts of FastMCP and the MCP SDK that this library uses.

Each function names the trap that it fixes (docs/traps.md). If an upgrade of theirs moves a private
name, a test in ``packages/mcp-swarm/tests/framework/`` fails and names it.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any

import mcp_types as types
from fastmcp import Context, FastMCP
from fastmcp.server.context import _ELICIT_MODERN_ERROR
from fastmcp.tools.function_tool import FunctionTool
from mcp.server.context import ServerMiddleware
from mcp.server.lowlevel.server import NotificationOptions
from mcp.server.session import ServerSession
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.routing import Route

from mcp_swarm.framework.arguments import check_arguments, validate_input
from mcp_swarm.framework.conformance import check_results
from mcp_swarm.framework.messages import judge_messages
from mcp_swarm.framework.wire import write_clean_json

Listen = Callable[
    [Any, types.SubscriptionsListenRequestParams], Awaitable[types.SubscriptionsListenResult]
]

# Key in the scope of a request: its client accepts no stream, although its header now says so.
JSON_ONLY = "mcp_swarm.json_only"
# The request's whole body, and the message in a large one: see asgi/body.
BODY, PARSED = "mcp_swarm.body", "mcp_swarm.parsed"
# Protocol versions that begin with `initialize`, as a request's header has them.
OLDER_VERSIONS = frozenset(version.encode() for version in HANDSHAKE_PROTOCOL_VERSIONS)
# The error of ``ctx.elicit()`` with protocol 2026-07-28, which names no next step.
NO_ELICITATION = _ELICIT_MODERN_ERROR


def serve_listen(mcp: FastMCP, listen: Listen) -> None:
    """Serves ``subscriptions/listen``, for which FastMCP has neither a handler nor a hook."""
    mcp._mcp_server.add_request_handler(
        "subscriptions/listen", types.SubscriptionsListenRequestParams, listen
    )


def wrap_requests(
    mcp: FastMCP, outer: Iterable[ServerMiddleware[Any]], inner: Iterable[ServerMiddleware[Any]]
) -> None:
    """Adds SDK middleware: `outer` outside all other, where it sees what the client sent; `inner` inside."""
    middleware = mcp._mcp_server.middleware
    middleware[:] = [*outer, *middleware, *inner]


async def may_read(mcp: FastMCP, uri: str) -> bool:
    """Returns whether the current caller may read `uri`, by the same rules as ``resources/read``.

    A resource that is hidden from the caller is not found through a matching template either.
    """
    resource, exists = await mcp._lookup_resource(uri)
    return resource is not None or (not exists and await mcp.get_resource_template(uri) is not None)


def set_schema_lookup(mcp: FastMCP, lookup: Callable[[str], dict[str, Any] | None]) -> None:
    """T1: without this every call with arguments first lists all tools, through all middleware."""
    mcp._mcp_server.get_tool_input_schema = lookup


def prepare() -> None:
    """Patches FastMCP and the SDK in this process. Call it before a server is created."""
    leave_key_value_unchecked()
    write_clean_json()
    check_results()
    check_arguments()
    judge_messages()


def leave_key_value_unchecked() -> None:
    """Turns off run-time type checks in py-key-value, which would delay the first call.

    Call it before FastMCP imports py-key-value, at the first use of state.
    """
    os.environ.setdefault("PY_KEY_VALUE_DISABLE_BEARTYPE", "true")


def refuse_log_level(mcp: FastMCP) -> None:
    """T3: rejects ``logging/setLevel`` without sessions, where it would change all clients' level."""
    mcp._mcp_server._request_handlers.pop("logging/setLevel", None)


def offer_no_list_changes(mcp: FastMCP) -> None:
    """Declares no ``listChanged`` to older clients without sessions: they cannot be notified."""
    mcp._mcp_server.notification_options = NotificationOptions()


def wrap_client_requests(context: Context, wrap: Callable[[Any], Any]) -> None:
    """Wraps the method by which this call's session sends requests to its client.

    The SDK creates such a session for each inbound request.
    """

    def wrapped(session: ServerSession) -> None:
        session.send_request = wrap(session.send_request)  # type: ignore[method-assign]

    _with_session(context, wrapped)


def wrap_notices(
    context: Context, progress: Callable[[Any], Any], log: Callable[[Any], Any]
) -> None:
    """Wraps the methods by which this call's session sends progress and log messages."""

    def wrapped(session: ServerSession) -> None:
        session.send_progress_notification = progress(  # type: ignore[method-assign]
            session.send_progress_notification
        )
        session.send_log_message = log(session.send_log_message)  # type: ignore[method-assign]

    _with_session(context, wrapped)


# Methods of a context whose effect is meant to outlast the call.
KEEPING = ("set_state", "enable_components", "disable_components", "reset_visibility")


def note_what_is_kept(noted: Callable[[Context, str], None]) -> None:
    """Calls `noted` with each method of a context whose effect is meant to outlast the call.

    FastMCP itself creates the context of each tool, so this patch applies to the process: the last
    `noted` counts.
    """
    for name in KEEPING:
        found = getattr(Context, name)
        setattr(Context, name, _noting(name, getattr(found, "__wrapped__", found), noted))


def _noting(name: str, method: Any, noted: Callable[[Context, str], None]) -> Any:
    @wraps(method)
    async def noting(self: Context, *args: Any, **options: Any) -> None:
        if options.get("serializable", True):  # else `set_state` is for this call alone
            noted(self, name)
        await method(self, *args, **options)

    return noting


def _with_session(context: Context, then: Callable[[ServerSession], None]) -> None:
    """Calls `then` with the session: now, or when it is created, if ever (see request.py)."""
    later = getattr(context.request_context, "once_there_is_a_session", None)
    if later:
        later(then)
    else:
        then(context.session)


def session_manager(app: Starlette) -> StreamableHTTPSessionManager:
    """Returns the SDK's session manager of a started FastMCP `app`.

    Raises:
        LookupError: the app's lifespan has not begun.
    """
    for route in app.routes:
        endpoint = getattr(route, "endpoint", None)
        endpoint = getattr(endpoint, "app", endpoint)  # inside RequireAuthMiddleware
        manager = getattr(endpoint, "session_manager", None)
        if isinstance(route, Route) and isinstance(manager, StreamableHTTPSessionManager):
            return manager
    raise LookupError("FastMCP's app has no route with a running session_manager")


def leave_body_unlimited(manager: StreamableHTTPSessionManager) -> None:
    """T18: stops the SDK from reading the body again, with a limit that FastMCP does not set."""
    manager.asgi_app = manager._handle_request  # type: ignore[assignment]


def close_get_streams(manager: StreamableHTTPSessionManager) -> None:
    """Ends every session's GET stream in order. Clients open it again on another replica."""
    for transport in _transports(manager):
        transport.close_standalone_sse_stream()


def _transports(manager: StreamableHTTPSessionManager) -> Iterable[Any]:
    return list(manager._server_instances.values())


def keep_streams_on_sigterm() -> None:
    """T4: stops sse-starlette from cutting calls in flight 0.2 s after SIGTERM."""
    from sse_starlette.sse import AppStatus

    AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]


def is_client_tool_call() -> bool:
    """Returns whether the current tool call comes from the client, and not from another tool."""
    from fastmcp.server.dependencies import _is_client_tool_call

    return _is_client_tool_call()


def argument_check(tool: FunctionTool) -> Callable[[dict[str, Any]], Any]:
    """Returns a function that validates arguments like a call of `tool`, strictly, without running it.

    Create it once per tool: FastMCP's own check for tasks builds its schema again for each call. The
    function raises what ``arguments.validate_input`` raises.
    """
    from fastmcp.server.dependencies import without_injected_parameters
    from fastmcp_tasks.components import _call_shape_probe

    plain = without_injected_parameters(tool.fn, run_in_thread=tool.run_in_thread)
    probe: Any = _call_shape_probe(plain)
    adapter: TypeAdapter[Any] = TypeAdapter(probe)
    return lambda arguments: validate_input(adapter, arguments, strict=True)


_lets_task_results_out = False


def let_task_results_out() -> None:
    """Keeps the fields of a task in the result of ``tools/call``, which the SDK drops."""
    global _lets_task_results_out  # noqa: PLW0603 - as long as the process, like what it wraps
    if not _lets_task_results_out:
        from fastmcp_tasks import wire_production

        wire_production.install()
        _lets_task_results_out = True


@asynccontextmanager
async def lifespan(mcp: FastMCP) -> AsyncIterator[None]:
    """Runs FastMCP's lifespan without its HTTP app, for a worker."""
    async with mcp._lifespan_manager():
        yield
