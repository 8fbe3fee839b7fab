"""Builds the MCP server: FastMCP, the discovered components, and the MCP middleware in order."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import (
    contextmanager,
    nullcontext,
)
from functools import partial
from typing import TYPE_CHECKING, Any

from fastmcp.server.middleware import Middleware
from fastmcp.server.sessions import create_session, end_session, session_id_parameter_names
from fastmcp.tools import Tool

from mcp_swarm import __version__, auth, events, framework
from mcp_swarm.app import App, Lifespan, with_values
from mcp_swarm.asgi.rpc_error.unknown_resource import UnknownResourceMiddleware
from mcp_swarm.ask import request_state
from mcp_swarm.ask.middleware import AskMiddleware
from mcp_swarm.ask.request_state import SingleUse
from mcp_swarm.calls.concurrency import ConcurrencyMiddleware, slot_released
from mcp_swarm.calls.dropped_messages import DroppedMessagesMiddleware
from mcp_swarm.calls.store_errors import StoreErrorsMiddleware
from mcp_swarm.calls.timeout import CallTimeoutMiddleware, timeout_paused
from mcp_swarm.config import CallSettings, Settings
from mcp_swarm.discovery import Component, Identity, chosen, discover
from mcp_swarm.events.listen import Listen
from mcp_swarm.framework.components import around_tool
from mcp_swarm.isolation.middleware import IsolationMiddleware
from mcp_swarm.telemetry.tracing import record_trace
from mcp_swarm.user_state.lost_state_warning import warn_once

if TYPE_CHECKING:
    from mcp_swarm.jobs.jobs import Jobs
    from mcp_swarm.redis import Store
    from mcp_swarm.sessions.endpoint import Endpoint


def build_mcp(
    settings: Settings,
    packages: Sequence[str] = (),
    own_middleware: Sequence[Middleware] = (),
    lifespan: Lifespan | None = None,
) -> App:
    """Returns the MCP server for these settings.

    Args:
        settings: of this replica.
        packages: dotted names of the packages to discover; ``MCP_TOOLS`` selects from those that
            are called ``tools``, or from the first if none is.
        own_middleware: of the service, outermost first; it runs inside ours.
        lifespan: FastMCP's, run in replicas and workers.

    Raises:
        DiscoveryError: a discovered file cannot be served.
        ConfigError: the file of callers, or an outbound host, cannot be used.
    """
    framework.prepare()
    store = _store(settings)
    mcp = App(
        settings.mcp_name,
        version=__version__,
        auth=auth.verifier(settings, auth.VerifiedBefore),
        middleware=middleware(settings, store),
        lifespan=with_values(lifespan),
        on_duplicate="error",
        mask_error_details=True,  # T16: an exception's text may hold a secret
        strict_input_validation=True,  # T16: "41" is not an int
        request_state_security=request_state.security(settings),
        session_state_store=_state_store(settings, store),
    )
    _check_outbound_hosts(settings)
    mcp.connect(settings, store)
    found = _discovered(mcp, packages, settings)
    mcp.listen = Listen(
        mcp.bus,
        partial(framework.may_read, mcp),
        limit=settings.mcp_listen_limit,
        limit_per_client=settings.mcp_listen_limit_per_client,
    )
    framework.serve_listen(mcp, mcp.listen)
    framework.wrap_requests(mcp, mcp.around_requests, [record_trace])
    framework.note_what_is_kept(warn_once(has_sessions=not settings.mcp_stateless_http))
    framework.set_schema_lookup(mcp, header_schemas(found).get)
    mcp.jobs = _jobs(mcp, settings, found, own_middleware)
    mcp.sessions = _sessions(settings, mcp, repeatable(found))
    return mcp


def _check_outbound_hosts(settings: CallSettings) -> None:
    """A wrong entry fails the start, not a call."""
    if settings.mcp_outbound_hosts:
        from mcp_swarm.http.allow_list import AllowList

        AllowList.parse(settings.mcp_outbound_hosts)


def _discovered(mcp: App, packages: Sequence[str], settings: Settings) -> list[Component]:
    """Adds the packages' components, and the tools of SessionId if a component has such a parameter."""
    seen: dict[Identity, str] = {}
    found: list[Component] = []
    for package, only in chosen(packages, settings.mcp_tools).items():
        found += discover(mcp, package, only, seen)
    if any(takes_session_id(component) for component in found):
        mcp.add_tool(create_session)
        mcp.add_tool(end_session)
    return found


def middleware(settings: Settings, store: "Store | None") -> list[Middleware]:
    """Returns the MCP middleware, outermost first."""
    undelivered = [DroppedMessagesMiddleware()] if settings.mcp_json_response is True else []
    return [
        UnknownResourceMiddleware(),  # around all that may report an unknown resource
        *undelivered,  # only where answers are JSON and nothing else
        StoreErrorsMiddleware(),  # around all that may need Redis or the database
        *_concurrency(settings),
        # inside all that may reject a call: a rejected call consumes no state
        SingleUse(request_state.used_states(store, settings.mcp_ask_timeout)),
        CallTimeoutMiddleware(settings.mcp_call_timeout),  # the limit is on the tool's time
        # in the task that the timeout creates, and around a component with its dependencies
        IsolationMiddleware(),
        # last: it pauses that limit while the client's user is asked
        AskMiddleware(settings.mcp_ask_timeout, waiting=_while_asked),
    ]


@contextmanager
def _while_asked() -> Iterator[None]:
    """Pauses the call's timeout and releases its concurrency slot, while it waits for user input."""
    with timeout_paused(), slot_released():
        yield


def _concurrency(settings: CallSettings) -> list[Middleware]:
    max_calls = settings.mcp_call_concurrency
    return [ConcurrencyMiddleware(max_calls, settings.mcp_call_timeout)] if max_calls else []


def header_schemas(components: Iterable[Component]) -> dict[str, dict[str, Any]]:
    """Returns the input schemas of tools that mirror arguments into headers (``x-mcp-header``).

    The SDK asks for a tool's schema at every call (trap T1), but only these need it.
    """
    tools = [component for component in components if isinstance(component, Tool)]
    return {tool.name: tool.parameters for tool in tools if "x-mcp-header" in str(tool.parameters)}


def takes_session_id(component: Component) -> bool:
    """Returns whether it has a parameter of the type ``SessionId``."""
    function = getattr(component, "fn", None)
    return function is not None and bool(session_id_parameter_names(function))


def repeatable(components: Iterable[Component]) -> set[str]:
    """Returns the names of tools that may run again if it is unknown whether they ran."""
    tools = [component for component in components if isinstance(component, Tool)]
    return {
        tool.name
        for tool in tools
        if tool.annotations
        and (tool.annotations.read_only_hint or tool.annotations.idempotent_hint)
    }


def _sessions(settings: Settings, mcp: App, repeatable: set[str]) -> "Endpoint | None":
    """Returns the endpoint of shared sessions; None without sessions, or with in-process ones."""
    if settings.mcp_stateless_http:
        framework.refuse_log_level(mcp)
        framework.offer_no_list_changes(mcp)
        return None
    from mcp_swarm import sessions

    may_read = partial(framework.may_read, mcp)
    if mcp.store is None or mcp.store.sessions is None:
        sessions.serve_local(mcp, mcp.bus, may_read)
        return None
    endpoint = sessions.serve_shared(mcp, mcp.store, may_read, repeatable, settings)
    mcp.parts.append(endpoint.run)
    return endpoint


def _store(settings: Settings) -> "Store | None":
    if not settings.is_shared:
        return None
    from mcp_swarm.redis import Store

    ttl = None if settings.mcp_stateless_http else settings.mcp_session_ttl
    return Store(settings.redis_url, settings.mcp_name, ttl)


def _jobs(
    mcp: App, settings: Settings, found: Iterable[Component], own: Sequence[Middleware]
) -> "Jobs | None":
    """Returns the jobs, and adds their APIs, if a tool may run as a job; adds `own` in any case."""
    tools = [c for c in found if isinstance(c, Tool) and c.task_config.supports_tasks()]
    if not tools:
        mcp.middleware += own
        return None
    names = sorted(tool.name for tool in tools if tool.auth is None)  # which anyone may see
    from mcp_swarm.jobs.api.extension import (
        AroundRunsMiddleware,
        HandOverMiddleware,
        TasksExtension,
    )
    from mcp_swarm.jobs.api.job_tools import JobTools
    from mcp_swarm.jobs.api.routes import JobRoutes
    from mcp_swarm.jobs.job import uri_of
    from mcp_swarm.jobs.jobs import Jobs

    async def changed(job_id: str) -> None:
        await mcp.bus.publish(events.ResourceUpdated(uri=uri_of(job_id)))

    ask = AskMiddleware(settings.mcp_ask_timeout, waiting=nullcontext)
    around = around_tool(IsolationMiddleware(), ask, *own)
    jobs = Jobs(mcp, settings, mcp.store, around, changed)
    mcp.parts.append(jobs.lifetime)
    extension = TasksExtension(jobs, settings.mcp_task_result_seconds)
    mcp.add_extension(extension)
    mcp.listen.tasks = extension
    mcp.middleware.append(HandOverMiddleware(extension))
    mcp.middleware += map(AroundRunsMiddleware, own)
    JobTools(jobs, names).add_to(mcp)
    JobRoutes(jobs).add_to(mcp)
    return jobs


def _state_store(settings: Settings, store: "Store | None") -> Any:
    """Returns the store of UserSession and SessionId: Redis, or None for FastMCP's own memory."""
    if store is None:
        return None
    from mcp_swarm.user_state.shared import StateStore

    return StateStore(store, has_sessions=not settings.mcp_stateless_http)
