"""The ASGI app of a replica: its routes, HTTP middleware in order, start and stop."""

import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_swarm import __version__, app_values, framework
from mcp_swarm.app import App
from mcp_swarm.asgi.authenticate import AuthenticateMiddleware
from mcp_swarm.asgi.body import BodyMiddleware
from mcp_swarm.asgi.content_negotiation import ContentNegotiationMiddleware, NotAcceptableMiddleware
from mcp_swarm.asgi.crash import CrashMiddleware
from mcp_swarm.asgi.disconnect import DisconnectMiddleware
from mcp_swarm.asgi.origin import OriginMiddleware, written
from mcp_swarm.asgi.repeated_headers import RepeatedHeadersMiddleware
from mcp_swarm.asgi.request_id import RequestIdMiddleware
from mcp_swarm.asgi.rpc_error import RpcErrorMiddleware
from mcp_swarm.asgi.served_by import ServedByMiddleware
from mcp_swarm.asgi.trailing_slash import TrailingSlashMiddleware
from mcp_swarm.config import HttpSettings, Settings
from mcp_swarm.errors import EXIT_NOT_STARTED
from mcp_swarm.fast_path import FastPathMiddleware
from mcp_swarm.framework import sessions as framework_sessions
from mcp_swarm.isolation import shares
from mcp_swarm.problem import not_found
from mcp_swarm.process import parts, startup
from mcp_swarm.process.health import Health
from mcp_swarm.process.port import listening_socket
from mcp_swarm.routes import serve_routes
from mcp_swarm.telemetry import logs
from mcp_swarm.telemetry.access_log import AccessLogMiddleware
from mcp_swarm.telemetry.tracing import TraceContextMiddleware, record_trace

logger = logging.getLogger(__name__)

# Seconds that idle connections are kept: longer than at the balancer (65 s), so that it never uses a
# closed one.
KEEP_ALIVE = 75
PATH = "/mcp"
IN_MEMORY = (
    "state, sessions, events and jobs are in the memory of this process, and other replicas do not "
    "see them. Next: with several replicas set REDIS_URL=redis://…"
)
# Paths without a token: for a balancer, and for people who have none. All others need one.
PUBLIC = ("/version", "/healthz", "/readyz")


class Service:
    """One replica as an ASGI app: lifespan, routes and middleware around FastMCP."""

    def __init__(
        self, settings: Settings, mcp: App, routes: str = "", own: Sequence[Middleware] = ()
    ) -> None:
        self.settings = settings
        self.mcp = mcp
        self.own_middleware = own
        self.health = Health(needs={"sessions": mcp.sessions.is_served} if mcp.sessions else {})
        if mcp.store:
            self.health.unavailable = mcp.store.availability.unavailable
        framework.keep_streams_on_sigterm()
        mcp.custom_route("/version", methods=["GET"])(self.version)
        mcp.custom_route("/healthz", methods=["GET"])(self.health.healthz)
        mcp.custom_route("/readyz", methods=["GET"])(self.health.readyz)
        self.public = (*PUBLIC, *serve_routes(mcp, routes))
        self.http: Starlette = mcp.http_app(
            path=PATH,
            stateless_http=settings.mcp_stateless_http,
            json_response=settings.mcp_json_response is True,
            session_idle_timeout=settings.mcp_session_ttl,
            host_origin_protection=False,  # asgi/origin.py does it, for every route
        )
        # asgi/trailing_slash.py serves both spellings
        self.http.router.redirect_slashes = False
        self.http.add_exception_handler(404, not_found)
        self.http.router.lifespan_context = self._lifespan(self.http.router.lifespan_context)
        self.app = self._with_middleware(self.http)

    def _with_middleware(self, app: ASGIApp) -> ASGIApp:
        """Wraps `app` in the HTTP middleware, outermost first. Pure ASGI passes streams unchanged."""
        settings = self.settings
        stack: list[tuple[Any, dict[str, Any]]] = [
            # the id comes first: everything below is logged with it
            (RequestIdMiddleware, {}),
            # every response names its replica, also errors
            (ServedByMiddleware, {"replica": settings.mcp_replica, "is_draining": self._draining}),
            # before all that compare the path
            (TrailingSlashMiddleware, {"routes": self.http.router.routes}),
            # outside the log, which records the real status of what older clients get as 200
            (RpcErrorMiddleware, {"path": PATH}),
            # the log sees the status of everything below
            (AccessLogMiddleware, {"replica": settings.mcp_replica}),
            # the caller's trace, before anything that opens a span
            (TraceContextMiddleware, {}),
            # uncaught errors: answered and logged, seen by the log above
            (CrashMiddleware, {}),
            # two values of one header would mean different things below
            (RepeatedHeadersMiddleware, {}),
            # who may call at all, before anything is read
            (
                OriginMiddleware,
                {"hosts": settings.mcp_allowed_hosts, "origins": settings.mcp_allowed_origins},
            ),
        ]
        if settings.mcp_allowed_origins:
            # answers a browser's preflight; inside the check that its origin may call
            stack.append((CORSMiddleware, _cors(settings.mcp_allowed_origins)))
        if self.mcp.auth:
            # who calls, before any of the body is read; inside CORS, so that a page may read a 401
            stack.append(
                (AuthenticateMiddleware, {"verifier": self.mcp.auth, "public": self.public})
            )
        # then the body is read once; its limits depend on the caller
        stack.append((BodyMiddleware, {"path": PATH, "limit": settings.mcp_body_limit}))
        # the service's own, with the caller known and the body read
        stack += [(own.cls, own.kwargs) for own in self.own_middleware]
        # around all that answers: whether a disconnect cancels the call
        has_sessions = not settings.mcp_stateless_http
        stack.append((DisconnectMiddleware, {"path": PATH, "has_sessions": has_sessions}))
        if settings.mcp_fast_path and (settings.mcp_json_response or self.mcp.sessions):
            # nearly last: whatever it does not take goes on to the framework
            stack.append((FastPathMiddleware, _fast_path(settings, self.mcp)))
        # last: the framework's answers take the form that their callers accept
        stack.append(_negotiation(settings))
        for middleware, options in reversed(stack):
            app = middleware(app, **options)
        return app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await startup.clear_start_errors(self.app, scope, receive, send)
        else:
            app_values.enter(self.mcp.values)
            await self.app(scope, receive, send)

    async def version(self, request: Request) -> Response:
        """``{"hostname": …, "version": …}``: which replica answered, and what it runs."""
        return JSONResponse({"hostname": self.settings.mcp_replica, "version": __version__})

    def close_streams(self) -> None:
        """Ends listen and GET streams with their final frame; calls in flight go on."""
        self.mcp.listen.close()
        framework.close_get_streams(framework.session_manager(self.http))
        if self.mcp.sessions:
            self.mcp.sessions.close_streams()

    def _draining(self) -> bool:
        return self.health.draining

    def _lifespan(self, inner: Any) -> Any:
        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            async with running(self.settings, self.mcp, inner(app), self.health):
                manager = framework.session_manager(app)
                framework.leave_body_unlimited(manager)
                framework_sessions.limit_sessions(manager, self.settings.mcp_session_limit)
                if self.mcp.sessions:
                    self.mcp.sessions.serve_in(manager)
                elif not self.settings.mcp_stateless_http:
                    from mcp_swarm.sessions.in_memory import InMemory

                    limit = self.settings.mcp_session_limit
                    share = shares.share(limit, self.settings)
                    wrap = partial(InMemory, manager=manager, limit=limit, share=share)
                    framework_sessions.wrap_sessions(manager, wrap)
                self.health.started = True
                yield

        return lifespan


@asynccontextmanager
async def running(
    settings: Settings, mcp: App, inner: AbstractAsyncContextManager[Any], health: Health
) -> AsyncIterator[None]:
    """Runs what lives as long as the process: the database, `inner`, and the parts of `mcp`."""
    from mcp_swarm import database

    startup.compare_versions(settings.mcp_files_version)
    url = settings.database_url.get_secret_value()
    with app_values.running(mcp.values):
        await database.start(url, samples=settings.wants_samples)
        try:
            if mcp.store:
                await mcp.store.demand_access()
            # The parts end first: they finish calls, which need what `inner` holds open.
            async with inner, parts.running(mcp.parts, health):
                yield
        finally:
            if "mcp_swarm.http" in sys.modules:  # else no tool called out
                await sys.modules["mcp_swarm.http"].close()
            await database.stop()


def build_app(
    settings: Settings, mcp: App, routes: str = "", own_middleware: Sequence[Middleware] = ()
) -> Service:
    """Returns the ASGI app of one replica.

    Args:
        settings: of this replica.
        mcp: what it serves.
        routes: the dotted name of a package with routes of the service's own (``route``).
        own_middleware: HTTP middleware of the service's own, outermost first.

    Raises:
        DiscoveryError: a file of `routes` cannot be served.
    """
    return Service(settings, mcp, routes, own_middleware)


def make_app(build: Callable[[Any], Service], settings: Settings) -> Service:
    """Returns the app that `build` makes, for another ASGI server than ours; sets up its log."""
    logs.configure(settings.mcp_log_format, settings.mcp_log_level, settings.mcp_replica)
    return build(settings)


def serve(service: Service) -> int:
    """Serves `service` until a signal, then stops gracefully.

    Returns:
        0 after a stop that was asked for, 3 if it could not start, 4 if a part of it ended.

    Raises:
        StartError: the port cannot be listened on.
    """
    import uvicorn

    from mcp_swarm.framework.limited_protocol import LimitedProtocol
    from mcp_swarm.process.drain import DrainingServer

    settings = service.settings
    config = uvicorn.Config(
        service,
        http=LimitedProtocol,
        ws="none",  # nothing is served over WebSocket
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=int(settings.mcp_call_timeout) + 5,  # a call, and its answer
    )
    server = DrainingServer(
        config,
        health=service.health,
        drain_seconds=settings.mcp_drain_seconds,
        close_streams=service.close_streams,
    )
    startup.keep_what_is_loaded()
    if not settings.is_shared:
        logger.info(IN_MEMORY)
    with listening_socket(settings) as listening:
        try:
            server.run([listening])
        except SystemExit as stop:  # uvicorn's way to say that the lifespan failed; it logged why
            return int(stop.code or EXIT_NOT_STARTED)
    return server.exit_code


def _cors(origins: Sequence[str]) -> dict[str, Any]:
    """Options of CORSMiddleware: what a browser client sends and may read; no cookies."""
    return {
        "allow_origins": [written(origin) for origin in origins],
        "allow_methods": ["GET", "POST", "DELETE", "OPTIONS"],
        "allow_headers": ["*"],  # Mcp-Param-* names are the tools' own
        "expose_headers": [
            *("Mcp-Session-Id", "WWW-Authenticate", "X-Request-Id", "X-Served-By"),
            *("Location", "Retry-After"),  # of /jobs
        ],
    }


def _negotiation(settings: HttpSettings) -> tuple[Any, dict[str, Any]]:
    if settings.mcp_json_response == "auto":
        return ContentNegotiationMiddleware, {}
    return NotAcceptableMiddleware, {"streams": not settings.mcp_json_response}


def _fast_path(settings: Settings, mcp: App) -> dict[str, Any]:
    """Options of FastPathMiddleware."""
    return {
        "mcp": mcp,
        "path": PATH,
        "has_sessions": not settings.mcp_stateless_http,
        "json_response": settings.mcp_json_response,
        # with "auto" the form of an answer is chosen below
        "sessions": None if settings.mcp_json_response == "auto" else mcp.sessions,
        # these do nothing to a plain request
        "harmless": [*mcp.around_requests, record_trace],
    }
