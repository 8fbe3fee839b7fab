"""Where the SDK judges messages and answers them, which `messages.py` replaces."""

import inspect

import pytest
from mcp.server import _streamable_http_modern as modern
from mcp.server import runner, streamable_http, streamable_http_manager
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.shared import jsonrpc_dispatcher

from lab.private_names import MESSAGES as SEAMS
from mcp_swarm import framework
from mcp_swarm.framework.messages import MESSAGE, Notification, Request, Transport, error_data


@pytest.mark.parametrize("name", sorted(SEAMS["StreamableHTTPServerTransport"] - {"_write_stream"}))
def test_the_sdks_transport_has(name):
    """With the parameters that ours passes on."""
    theirs = inspect.signature(getattr(StreamableHTTPServerTransport, name)).parameters
    ours = inspect.signature(getattr(Transport, name)).parameters
    assert list(theirs) == list(ours), f"StreamableHTTPServerTransport.{name} has changed"


def test_the_sdk_looks_them_up_by_the_names_that_are_replaced():
    for module, uses in (
        (streamable_http, ["jsonrpc_message_adapter.validate_python(raw_message, by_name=False)"]),
        (streamable_http, ["self._write_stream.send(", "INVALID_PARAMS,\n                )"]),
        (streamable_http_manager, ["http_transport = StreamableHTTPServerTransport("]),
        (modern, ["JSONRPCNotification.model_validate(decoded)", "await _write(_INVALID_BODY"]),
        (modern, ["JSONRPCRequest.model_validate(decoded)"]),
        (modern, ["classify_inbound_request(decoded, headers=dict(request.headers))"]),
        (modern, ["unsupported_protocol_version_rejection(requested)"]),
    ):
        source = inspect.getsource(module)
        assert all(use in source for use in uses), f"{module.__name__} has changed"
    source = inspect.getsource(streamable_http)
    assert source.count("                    INVALID_PARAMS,") == 1, "it has another meaning too"


def test_the_replacements_are_in_their_places():
    framework.prepare()
    assert streamable_http.jsonrpc_message_adapter is MESSAGE
    assert streamable_http_manager.StreamableHTTPServerTransport is Transport
    assert modern.JSONRPCNotification is Notification
    assert runner.handler_exception_to_error_data is error_data
    assert jsonrpc_dispatcher.handler_exception_to_error_data is error_data
    assert "handler_exception_to_error_data(exc)" in inspect.getsource(runner.modern_error_data)
    assert "= handler_exception_to_error_data(e)" in inspect.getsource(jsonrpc_dispatcher)
    assert modern.JSONRPCRequest is Request
