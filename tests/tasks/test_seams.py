"""The private seams of Docket and FastMCP's task package that background work relies on.

An upgrade that moves one fails here, with its name, before it fails anywhere else.
"""

import ast
import inspect
import re
import sys
from pathlib import Path

import docket
import docket._redelivery
import docket._redis
import docket.docket
import docket.worker
import pytest
from fastmcp.server import dependencies
from fastmcp_tasks import components, wire_production

from server.core.state.tasks import docket_parts

SEAMS = {
    docket.Docket: {"_redis", "worker_group_name", "stream_key", "redis"},
    docket.Worker: {"_renew_leases", "_worker_stopping", "_tasks_by_key", "_processing_session"},
    docket._redis.RedisConnection: {"_connection_pool_from_url"},
}


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in SEAMS.items() for name in sorted(names)]
)
def test_docket_has(owner, name):
    """As a method, or as something that its source sets."""
    source = inspect.getsource(owner)
    assert hasattr(owner, name) or f"self.{name} " in source or f"self.{name}:" in source, (
        f"{owner.__name__}.{name} has moved"
    )


def test_lease_renewal_is_called_as_we_override_it():
    """T11: with the connection and the messages in hand."""
    theirs = inspect.signature(docket.Worker._renew_leases)
    assert list(theirs.parameters) == ["self", "redis", "active_messages"]
    assert "self._renew_leases(redis, active_tasks)" in inspect.getsource(docket.Worker)
    wanted = {"stream_key", "group_name", "consumer_name", "message_ids"}
    assert wanted <= set(inspect.signature(docket._redelivery.renew_leases).parameters)


def test_nothing_of_docket_reads_a_pickle_from_redis():
    """T12: every module that names cloudpickle is given Json, but for one function we never call."""
    docket_parts.load()
    folder = Path(docket.__file__).parent
    naming = {
        f"docket.{path.stem}"
        for path in folder.glob("*.py")
        if re.search(r"cloudpickle\.(loads|dumps)", path.read_text())
    }
    given = {
        name
        for name in naming
        if getattr(sys.modules[name], "cloudpickle", None) is docket_parts.Json
    }
    assert naming - given == {"docket.docket"}
    only = inspect.getsource(docket.Docket.get_execution)
    whole = inspect.getsource(docket.docket)
    assert only.count("cloudpickle.") == whole.count("cloudpickle.")
    users = [path.name for path in folder.glob("*.py") if "get_execution(" in path.read_text()]
    assert users == ["docket.py"], "it was called nowhere, and stood in its own docstring only"


def test_fastmcp_still_lacks_what_we_add():
    """The wrap of the SDK's serializer, the check of arguments, whose call it is."""
    assert callable(wire_production.install)
    assert list(inspect.signature(components._call_shape_probe).parameters) == ["fn"]
    assert callable(dependencies._is_client_tool_call)


def test_every_private_name_in_docket_parts_is_checked_here():
    """The table above is complete."""
    tree = ast.parse(Path(docket_parts.__file__).read_text())
    touched = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr)
    }
    assert touched <= set().union(*SEAMS.values())
