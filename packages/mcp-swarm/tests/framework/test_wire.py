"""What FastMCP and the SDK write JSON with, which `wire.py` replaces."""

import inspect
import math

import mcp_types as types
import pytest
from fastmcp.prompts import base as prompts
from fastmcp.resources import base as resources
from fastmcp.server import context
from fastmcp.tools import base as tools
from mcp.server import _streamable_http_modern as modern
from mcp.server import streamable_http
from pydantic_core import from_json

from lab.private_names import WIRE as SEAMS
from mcp_swarm import framework
from mcp_swarm.framework import objects, wire

HALF = "\ude00"


@pytest.mark.parametrize("name", [*sorted(SEAMS["fastmcp.tools.base"]), "default_serializer"])
def test_fastmcps_tools_have(name):
    assert hasattr(tools, name), f"fastmcp.tools.base.{name} has moved"


@pytest.mark.parametrize(
    ("module", "written"),
    [
        (tools, ["default_serializer(item)", "default_serializer(result)"]),
        (tools, ["_serialize_to_jsonable(raw_value, self.return_type)"]),
        (resources, ["pydantic_core.to_json(content", "json.dumps(raw_value)"]),
        (prompts, ["pydantic_core.to_json(content"]),
        (streamable_http, ["message.model_dump_json(by_alias"]),
        (modern, ['msg.model_dump(mode="json"']),
    ],
)
def test_they_write_json_by_the_names_that_are_replaced(module, written):
    source = inspect.getsource(module)
    assert all(line in source for line in written), f"{module.__name__} writes otherwise now"
    assert source.count("json.dumps(") <= 2
    assert not {"json.loads", "pydantic_core.from_json"} & set(source.split())


def test_messages_of_each_kind_are_written_cleanly():
    """In text, as older clients get them, and as the values that newer ones' text is made of."""
    framework.prepare()
    framework.prepare()  # of several servers in one process
    error = types.ErrorData(code=1, message=HALF, data={"mean": math.nan})
    for message in (
        types.JSONRPCRequest(jsonrpc="2.0", id=1, method="m", params={"a": HALF}),
        types.JSONRPCNotification(jsonrpc="2.0", method="m", params={"a": HALF}),
        types.JSONRPCResponse(jsonrpc="2.0", id=1, result={"a": [HALF], HALF: math.inf}),
        types.JSONRPCError(jsonrpc="2.0", id=1, error=error),
    ):
        text = message.model_dump_json(by_alias=True, exclude_unset=True)
        made = message.model_dump(mode="json", by_alias=True, exclude_none=True)
        assert "\ufffd" in text
        assert from_json(text, allow_inf_nan=False)["jsonrpc"] == "2.0"
        assert from_json(wire.encode(made), allow_inf_nan=False) == made


def test_a_value_that_is_no_json_is_still_refused():
    with pytest.raises(ValueError, match="Unable to serialize unknown type"):
        wire.encode({"a": object()})


def test_the_sdk_sends_log_messages_by_the_method_that_is_replaced():
    assert "session.send_log_message(" in inspect.getsource(context)
    assert "data: Any" in inspect.getsource(objects._sdks_send)
