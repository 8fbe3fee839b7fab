"""The private seams of FastMCP, the MCP SDK, uvicorn and sse-starlette that we rely on.

An upgrade that moves one fails here, with its name, before it fails anywhere else.
"""

import ast
import inspect
import re
from pathlib import Path

import key_value.aio
import mcp_types
import pytest
import uvicorn
from fastmcp import FastMCP
from fastmcp.server.auth import AccessToken, TokenVerifier
from mcp.server import _streamable_http_modern as modern
from mcp.server import runner
from mcp.server.lowlevel.server import Server
from mcp.server.request_state import RequestStateBoundary
from mcp.server.session import ServerSession
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import RequestBodyLimitMiddleware
from sse_starlette.sse import AppStatus

from lab import private_names
from mcp_swarm import framework
from mcp_swarm.ask import request_state
from mcp_swarm.events import LocalBus
from mcp_swarm.events.listen import Listen
from mcp_swarm.process.drain import DrainingServer

# What framework.py touches of each object, private names and those that nobody documents.
SEAMS = {
    "FastMCP": {"_lifespan_manager", "_lookup_resource", "_mcp_server"},
    "Server": {
        "middleware",
        "add_request_handler",
        "get_tool_input_schema",
        "notification_options",
        "_request_handlers",
    },
    "StreamableHTTPSessionManager": {
        "_handle_request",
        "_server_instances",
        "asgi_app",
        "max_request_body_size",
    },
    "StreamableHTTPServerTransport": {"close_standalone_sse_stream"},
    "AppStatus": {"disable_automatic_graceful_drain", "enable_automatic_graceful_drain"},
}

ALL_SEAMS = (
    SEAMS,
    private_names.ARGUMENTS,
    private_names.MESSAGES,
    private_names.REQUEST,
    private_names.SESSIONS,
    private_names.UPGRADE,
    private_names.WIRE,
)


class Nobody(TokenVerifier):
    async def verify_token(self, token: str) -> AccessToken | None:
        return None


def http_app(**options):
    return FastMCP("t", **options).http_app(path="/mcp", stateless_http=True, json_response=True)


@pytest.mark.parametrize("seam", sorted(SEAMS["Server"] | SEAMS["FastMCP"]))
def test_the_low_level_server_has(seam):
    """Where handlers are, and the lookup that the SDK asks before each call."""
    mcp = FastMCP("t")
    owner = mcp if seam in SEAMS["FastMCP"] else mcp._mcp_server
    assert hasattr(owner, seam), f"{type(owner).__name__}.{seam} has moved"
    assert isinstance(mcp._mcp_server, Server)


@pytest.mark.parametrize("options", [{}, {"auth": Nobody()}], ids=["open", "with auth"])
@pytest.mark.parametrize("seam", sorted(SEAMS["StreamableHTTPSessionManager"]))
async def test_the_session_manager_has(seam, options):
    """It exists from the lifespan's begin on, also behind FastMCP's auth."""
    app = http_app(**options)
    async with app.router.lifespan_context(app):
        manager = framework.session_manager(app)
        assert isinstance(manager, StreamableHTTPSessionManager)
        assert hasattr(manager, seam), f"StreamableHTTPSessionManager.{seam} has moved"


def test_before_the_start_there_is_no_session_manager():
    """The error says what is missing instead of an AttributeError later."""
    with pytest.raises(LookupError, match="session_manager"):
        framework.session_manager(http_app())


def test_the_transport_can_close_its_get_stream():
    """What the stop calls for each session."""
    close = StreamableHTTPServerTransport.close_standalone_sse_stream
    assert list(inspect.signature(close).parameters) == ["self"]
    assert not inspect.iscoroutinefunction(close)


def test_fastmcp_still_has_no_listen_handler_of_its_own():
    """If it had, ours would have to be judged anew."""
    assert FastMCP("t")._mcp_server.get_request_handler("subscriptions/listen") is None


def test_serve_listen_installs_the_handler_and_the_capability():
    """Ours, where the SDK looks for one."""

    async def never(uri: str) -> bool:
        return False

    mcp, handler = FastMCP("t"), Listen(LocalBus(), never, 1, 1)
    framework.serve_listen(mcp, handler)
    installed = mcp._mcp_server.get_request_handler("subscriptions/listen")
    assert installed is not None
    assert installed.params_type is mcp_types.SubscriptionsListenRequestParams


def test_wrap_requests_comes_before_the_check_of_request_state():
    """What it notes is what the client sent; below the boundary it is opened."""
    mcp = FastMCP("t")
    framework.wrap_requests(mcp, [request_state.note], [])
    order = [*mcp._mcp_server.middleware]
    assert order[0] is request_state.note
    assert isinstance(order[-1], RequestStateBoundary)


async def test_may_read_tells_hidden_resources_from_missing_ones():
    """As `read_resource` does: a hidden one is not found by a template that matches it."""
    mcp = FastMCP("t")

    def text() -> str:
        return "text"

    def part(name: str) -> str:
        return name

    mcp.resource("x://open")(text)
    mcp.resource("x://hidden", auth=lambda context: False)(text)
    mcp.resource("x://{name}/part")(part)
    mcp.resource("x://hidden/part", auth=lambda context: False)(text)
    uris = ["x://open", "x://a/part", "x://hidden", "x://hidden/part", "x://missing"]
    assert [await framework.may_read(mcp, uri) for uri in uris] == [True, True, False, False, False]


def test_all_requests_of_a_call_to_its_client_go_through_send_request():
    """What wrap_client_requests replaces: of one inbound request's session, looked up on the instance."""
    assert "__slots__" not in vars(ServerSession)
    for name in ("elicit_form", "elicit_url", "create_message", "list_roots", "send_ping"):
        assert "self.send_request(" in inspect.getsource(getattr(ServerSession, name)), name
    parameters = inspect.signature(ServerSession.send_request).parameters
    assert list(parameters)[1:] == [
        "request",
        "result_type",
        "request_read_timeout_seconds",
        "metadata",
        "progress_callback",
    ]
    made = inspect.getsource(runner)
    assert made.count("ServerSession(dctx") == 1, "a session is no longer made for each request"


def test_progress_and_log_messages_of_a_tool_go_through_its_session():
    """What wrap_notices replaces."""
    from fastmcp.server import context

    assert "self.session.send_progress_notification(" in inspect.getsource(context.Context)
    assert "await session.send_log_message(" in inspect.getsource(context)


def test_the_schema_lookup_is_what_the_sdk_asks():
    """T1: unset it is None, and the SDK then lists all tools."""
    mcp = FastMCP("t")
    theirs = mcp._mcp_server.get_tool_input_schema
    assert theirs is None, "Server.get_tool_input_schema has moved: FastMCP sets one of its own"
    framework.set_schema_lookup(mcp, {"a": {"type": "object"}}.get)
    assert mcp._mcp_server.get_tool_input_schema("a") == {"type": "object"}
    assert mcp._mcp_server.get_tool_input_schema("b") is None
    assert "app.get_tool_input_schema" in inspect.getsource(modern._mcp_param_rejection)


def test_offer_no_list_changes_takes_the_promise_away():
    """FastMCP makes it to every client up to 2025-11-25, whether it can be kept or not."""
    mcp = FastMCP("t")
    server = mcp._mcp_server
    before = server.create_initialization_options().capabilities
    framework.offer_no_list_changes(mcp)
    after = server.create_initialization_options().capabilities
    assert before.tools
    assert before.tools.list_changed
    assert after.tools
    assert not after.tools.list_changed


def test_refuse_log_level_takes_the_handler_away():
    """T3: FastMCP registers one; afterwards there is none."""
    mcp = FastMCP("t")
    assert mcp._mcp_server.get_request_handler("logging/setLevel") is not None
    framework.refuse_log_level(mcp)
    assert mcp._mcp_server.get_request_handler("logging/setLevel") is None


async def test_the_manager_serves_through_an_app_that_counts_and_can_be_left_out():
    """T18: `asgi_app` reads the body with a limit of its own."""
    app = http_app()
    async with app.router.lifespan_context(app):
        manager = framework.session_manager(app)
        before = manager.asgi_app
        framework.leave_body_unlimited(manager)
        assert isinstance(before, RequestBodyLimitMiddleware)
        assert manager.asgi_app == manager._handle_request
        assert "asgi_app" in inspect.getsource(type(manager).handle_request) + inspect.getsource(
            StreamableHTTPSessionManager.handle_request
        )


async def test_without_sessions_there_is_no_get_stream_to_close():
    """The stop asks in every mode."""
    app = http_app()
    async with app.router.lifespan_context(app):
        framework.close_get_streams(framework.session_manager(app))


def test_keep_streams_on_sigterm_turns_the_switch():
    """T4: sse-starlette has the switch under this name."""
    before = AppStatus.enable_automatic_graceful_drain
    try:
        AppStatus.enable_automatic_graceful_drain = True
        framework.keep_streams_on_sigterm()
        assert AppStatus.enable_automatic_graceful_drain is False
    finally:
        AppStatus.enable_automatic_graceful_drain = before


@pytest.mark.parametrize("name", ["startup", "shutdown", "handle_exit", "capture_signals"])
def test_uvicorns_server_has(name):
    """What DrainingServer overrides, with the arguments that it passes on."""
    original = {"handle_exit": AppStatus.original_handler}  # sse-starlette puts its own there
    theirs = inspect.signature(original.get(name) or getattr(uvicorn.Server, name))
    ours = inspect.signature(getattr(DrainingServer, name))
    assert list(theirs.parameters) == list(ours.parameters), f"uvicorn.Server.{name} has changed"


@pytest.mark.parametrize("name", ["should_exit", "force_exit", "started"])
def test_uvicorns_server_has_the_switch(name):
    """What the stop order turns."""
    server = uvicorn.Server(uvicorn.Config(lambda: None))
    assert getattr(server, name) is False, f"uvicorn.Server.{name} has moved"


def test_uvicorn_says_that_a_start_failed_as_we_expect():
    """core/logs.py leaves this line out; if its words change, it would be told twice."""
    from uvicorn.lifespan import on

    assert '"Application startup failed. Exiting."' in inspect.getsource(on)


def test_every_private_name_in_the_framework_folder_is_checked():
    """The tables above and in the files beside this one are complete."""
    files = Path(framework.__file__).parent.glob("*.py")
    # test_docket.py has those of docket.py
    sources = [ast.parse(p.read_text()) for p in files if p.stem != "docket"]
    nodes = [node for source in sources for node in ast.walk(source)]
    touched = {n.attr for n in nodes if isinstance(n, ast.Attribute) and re.match("_[a-z]", n.attr)}
    own = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    own |= {ast.unparse(n.target) for n in nodes if isinstance(n, ast.AnnAssign)}
    own |= {ast.unparse(t) for n in nodes if isinstance(n, ast.Assign) for t in n.targets}
    own |= {name.removeprefix("self.") for name in own if name.startswith("self.")}
    imported = {
        (node.module, alias.name)
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name.startswith("_")
    }
    assert touched - own <= set().union(*(seams for of in ALL_SEAMS for seams in of.values()))
    assert imported == {
        (module, name) for module, names in private_names.REQUEST_IMPORTS.items() for name in names
    }


def test_py_key_value_reads_the_switch_of_its_checks():
    """It does so when it is imported."""
    source = Path(key_value.aio.__file__).read_text()
    assert "PY_KEY_VALUE_DISABLE_BEARTYPE" in source
