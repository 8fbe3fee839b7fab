"""The private seams that the fast path stands on, each by its name."""

import importlib
import inspect
from itertools import pairwise

import pytest
from fastmcp import FastMCP
from fastmcp.resources import Resource
from fastmcp.server.dependencies import FastMCPRequestContext
from fastmcp.server.providers import LocalProvider
from fastmcp.tools import Tool
from fastmcp.tools.base import ToolResult
from mcp.server import runner
from mcp.server._streamable_http_modern import _SingleExchangeDispatchContext
from mcp.server.lowlevel.server import Server
from mcp.server.request_state import RequestStateBoundary

from lab.private_names import REQUEST as SEAMS
from lab.private_names import REQUEST_IMPORTS as IMPORTED
from mcp_swarm.framework import catalogue

# What framework/request.py and framework/catalogue.py touch of each object.


@pytest.mark.parametrize("seam", sorted(SEAMS["FastMCP"]))
def test_fastmcp_has(seam):
    """Read at each request, or where a result is out of the ordinary."""
    assert hasattr(FastMCP("t"), seam), f"FastMCP.{seam} has moved"


@pytest.mark.parametrize("seam", sorted(SEAMS["LocalProvider"]))
def test_the_local_provider_has(seam):
    """Where components that were registered directly are kept."""
    assert hasattr(LocalProvider(), seam), f"LocalProvider.{seam} has moved"


@pytest.mark.parametrize(
    ("module", "name"), [(m, n) for m, found in IMPORTED.items() for n in sorted(found)]
)
def test_the_module_has(module, name):
    """Imported by their private names."""
    assert hasattr(importlib.import_module(module), name), f"{module}.{name} has moved"


def test_the_kernel_makes_contexts_and_wire_forms_as_we_call_it():
    """The SDK's own HTTP entry calls the first one in this way, its handlers end in the second."""
    made = inspect.signature(runner.ServerRunner._make_context)
    assert list(made.parameters) == ["self", "dctx", "method", "params", "meta", "protocol_version"]
    wire = inspect.signature(runner.ServerRunner._serialize)
    assert list(wire.parameters) == ["self", "method", "version", "result"]
    sealed = inspect.signature(RequestStateBoundary._seal_result)
    assert list(sealed.parameters) == ["self", "ctx", "result", "binding"]


def test_fastmcps_view_of_a_request_has_the_fields_that_we_fill():
    """A new one would be missing from ours."""
    assert set(inspect.signature(FastMCPRequestContext).parameters) == {
        "session", "request_id", "meta", "request", "protocol_version", "close_sse_stream",
        "lifespan_context", "_srctx",
    }  # fmt: skip


def test_the_sdks_answer_only_context_is_made_as_we_make_it():
    """For 2026-07-28 in JSON: no sink, so progress and logs go nowhere."""
    made = inspect.signature(_SingleExchangeDispatchContext).parameters
    assert set(made) == {
        "transport", "request_id", "message_metadata", "progress_token", "sink", "cancel_requested",
    }  # fmt: skip
    assert made["sink"].default is None


def test_a_result_of_a_proxy_is_marked_as_such():
    """It is written as it came, not by our encoder."""
    plain = ToolResult("text")
    assert catalogue.is_short_result(plain)
    plain._raw_mcp_result = plain.to_mcp_result()
    assert not catalogue.is_short_result(plain)


def test_the_servers_stamp_is_what_fastmcp_puts_into_its_answers():
    """It is read once."""
    mcp = FastMCP("named", version="7")
    assert isinstance(mcp._mcp_server, Server)
    assert catalogue.server_info(mcp) == {"name": "named", "version": "7"}


def test_a_server_keeps_its_components_in_a_plain_local_provider():
    """A provider of another class may do anything at a look-up, so the fast path would be off."""
    found = [type(provider) for provider in FastMCP("t").providers]
    assert found == [LocalProvider], f"FastMCP.providers has moved: {found}"


def test_a_catalogue_that_is_not_only_its_own_is_none():
    """What is mounted, transformed or injected is looked up by the framework."""
    mcp, child = FastMCP("t"), FastMCP("child")
    assert catalogue.catalogue(mcp) == {}
    mcp.add_resource(Resource.from_function(lambda: "text", uri="data://a"))
    assert len(catalogue.catalogue(mcp) or {}) == 1
    mcp.mount(child)
    assert catalogue.catalogue(mcp) is None


def test_whatever_changes_a_catalogue_changes_its_state():
    """What was made of it is made anew: something came, went, or took another's place."""
    mcp = FastMCP("t")
    states = [catalogue.catalogue_state(mcp)]

    def text() -> str:
        return "text"

    for change in (
        lambda: mcp.add_tool(Tool.from_function(text)),
        lambda: mcp.local_provider.remove_tool("text"),
        lambda: mcp.add_tool(Tool.from_function(text)),
        lambda: mcp.local_provider.remove_tool("text") or mcp.add_tool(Tool.from_function(text)),
        lambda: mcp.disable(names={"text"}),
        lambda: mcp.mount(FastMCP("child")),
    ):
        change()
        states.append(catalogue.catalogue_state(mcp))
    assert all(one != following for one, following in pairwise(states))
    assert catalogue.catalogue_state(mcp) == states[-1]
