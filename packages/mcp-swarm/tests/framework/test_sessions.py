"""The private seams that sessions and what tools keep in them stand on, each by its name."""

import inspect
from contextlib import asynccontextmanager

import pytest
from fastmcp import Client, Context, FastMCP
from key_value.aio.stores.memory import MemoryStore
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, authorization_context
from mcp.server.auth.provider import AccessToken
from mcp.server.connection import Connection
from mcp.server.session import ServerSession
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from lab.private_names import SESSIONS as SEAMS
from mcp_swarm import framework
from mcp_swarm.framework import sessions
from mcp_swarm.sessions.session import Levels

# What framework/sessions.py touches of each object.


async def nobody(scope, receive, send):
    """An endpoint."""


@asynccontextmanager
async def running():
    """The session manager of an app that has started."""
    app = FastMCP("t").http_app(path="/mcp", stateless_http=False)
    async with app.router.lifespan_context(app):
        yield framework.session_manager(app)


@pytest.mark.parametrize("seam", sorted(SEAMS["StreamableHTTPSessionManager"]))
async def test_the_session_manager_has(seam):
    """Where requests of older clients go, and what the lifespan gave."""
    async with running() as manager:
        assert hasattr(manager, seam), f"StreamableHTTPSessionManager.{seam} has moved"


async def test_older_clients_go_to_the_endpoint_in_the_sdks_place():
    """The SDK calls it by that name with ASGI's arguments, and nothing else first."""
    async with running() as manager:
        sessions.serve_sessions(manager, nobody)
        assert manager._handle_stateful_request is nobody
    source = inspect.getsource(StreamableHTTPSessionManager._handle_request)
    assert "await self._handle_stateful_request(scope, receive, send)" in source


async def test_what_is_put_around_the_sdks_sessions_is_asked_in_their_place():
    """And has them to ask in turn."""
    async with running() as manager:
        inner = manager._handle_stateful_request
        sessions.wrap_sessions(manager, lambda theirs: (theirs, nobody))
        assert manager._handle_stateful_request == (inner, nobody)


async def test_the_limit_of_sessions_is_the_sdks():
    """T18: it asks `max_sessions` before it opens another."""
    async with running() as manager:
        sessions.limit_sessions(manager, 7)
        assert manager.max_sessions == 7
    assert "self.max_sessions" in inspect.getsource(StreamableHTTPSessionManager._admit_session)


def test_fastmcp_looks_log_levels_up_where_we_put_them():
    """By `get`, `[]=` and `pop`, which Levels has."""
    from fastmcp.server import context
    from fastmcp.server.mixins import mcp_operations

    mcp, levels = FastMCP("t"), Levels()
    assert mcp._client_log_levels == {}, "FastMCP._client_log_levels has moved"
    sessions.keep_log_levels(mcp, levels)
    assert mcp._client_log_levels is levels
    assert "_client_log_levels.get(" in inspect.getsource(context)
    source = inspect.getsource(mcp_operations)
    assert "_client_log_levels[session_id] =" in source
    assert "_client_log_levels.pop" in source


async def test_a_session_knows_its_connection_and_when_it_ends():
    """The connection outlives the requests, of which `ServerSession` is one."""
    connection = Connection.from_envelope("2025-11-25", None, None)
    ended = []
    session = ServerSession(None, connection)
    sessions.when_session_ends(session, lambda: ended.append(1))
    await connection.exit_stack.aclose()
    assert ended == [1]


@pytest.mark.parametrize("method", ["resources/subscribe", "resources/unsubscribe"])
def test_fastmcp_has_no_handler_of_its_own_for(method):
    """If it had, ours would have to be judged anew."""
    assert FastMCP("t")._mcp_server.get_request_handler(method) is None


def test_fastmcp_has_no_handler_for_initialized_that_ours_would_replace():
    """Ours is the only one."""
    assert FastMCP("t")._mcp_server.get_notification_handler("notifications/initialized") is None


async def test_fastmcp_keeps_a_sessions_rules_under_the_name_we_look_up():
    """What is hidden for one session, by its collection and key."""
    store = MemoryStore()
    mcp = FastMCP("t", session_state_store=store)

    @mcp.tool
    async def hide(ctx: Context) -> str:
        await ctx.disable_components(names={"hide"})
        return ctx.session_id

    async with Client(mcp, mode="legacy") as client:
        session = (await client.call_tool("hide")).data
    collection, key = sessions.rules_name(session)
    assert await store.get(key, collection=collection)


async def test_what_a_tool_keeps_goes_through_its_context(monkeypatch):
    """What note_what_is_kept replaces, for all contexts; however often, each call is told once."""
    for name in framework.KEEPING:
        monkeypatch.setattr(Context, name, getattr(Context, name))  # put back afterwards
    mcp, before, noted = FastMCP("t"), [], []

    @mcp.tool
    async def keep(ctx: Context) -> str:
        await ctx.set_state("a", 1)
        await ctx.set_state("b", 2, serializable=False)
        await ctx.disable_components(names={"x"})
        await ctx.enable_components(names={"y"})
        await ctx.reset_visibility()
        return f"{await ctx.get_state('a')} {await ctx.get_state('b')}"

    framework.note_what_is_kept(lambda context, name: before.append(name))
    framework.note_what_is_kept(lambda context, name: noted.append((type(context), name)))
    async with Client(mcp) as client:
        assert (await client.call_tool("keep")).data == "1 2"
    assert before == []
    names = ["set_state", "disable_components", "enable_components", "reset_visibility"]
    assert noted == [(Context, name) for name in names]


def test_the_sdk_knows_whose_each_session_in_memory_is():
    """What sessions_of counts by."""
    user = AuthenticatedUser(AccessToken(token="t", client_id="a", scopes=[]))
    manager = StreamableHTTPSessionManager(app=FastMCP("t")._mcp_server)
    assert sessions.sessions_of(manager, user) == 0
    manager._session_owners["one"] = authorization_context(user)
    assert sessions.sessions_of(manager, user) == 1
